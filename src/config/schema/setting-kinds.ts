import type { Schema } from "./schema.ts";

/** True or false. */
export const flag = (preset: boolean, description: string): Schema => ({
  type: "boolean",
  default: preset,
  description,
});
/** A section of the bridge config; left out, it has all its defaults. */
export const section = (description: string, properties: Readonly<Record<string, Schema>>): Schema => ({
  type: "object",
  description,
  properties,
  additionalProperties: false,
  default: {},
});
/** Text that may be left out, or null. */
export const text = (description: string, more: Schema = {}): Schema => ({
  type: ["string", "null"],
  default: null,
  minLength: 1,
  description,
  ...more,
});
/** A number that may be left out, or null. */
export const limit = (description: string, more: Schema = {}): Schema => ({
  type: ["number", "null"],
  default: null,
  exclusiveMinimum: 0,
  description,
  ...more,
});
/** A folder that is there by default. */
export const folder = (preset: string, description: string): Schema => ({
  type: "string",
  minLength: 1,
  default: preset,
  description: `${description} A relative path starts at this file's folder.`,
});
/** A TCP port. */
export const port = (preset: number, description: string): Schema => ({
  type: "integer",
  minimum: 1,
  maximum: 65_535,
  default: preset,
  description,
});
/** An object of lists of text. */
export const lists = (description: string): Schema => ({
  type: "object",
  default: {},
  additionalProperties: { type: "array", items: { type: "string", minLength: 1 } },
  description,
});

import type { Schema } from "./schema.ts";

/** True or false. */
export const flag = (preset: boolean, description: string) =>
  ({ type: "boolean", default: preset, description }) as const;

/** A section of the bridge config; left out, it has all its defaults. */
export const section = <const P extends Readonly<Record<string, Schema>>>(
  description: string,
  properties: P,
) => ({ type: "object", description, properties, additionalProperties: false, default: {} }) as const;

/** Text that is not empty. */
export const text = (preset: string, description: string) =>
  ({ type: "string", minLength: 1, default: preset, description }) as const;

/** Text that may be left out, or null. */
export const optionalText = (description: string) =>
  ({ type: ["string", "null"], minLength: 1, default: null, description }) as const;

/** A number within bounds, which are keywords of JSON Schema. */
export const number = (preset: number, bounds: Bounds, description: string) =>
  ({ type: "number", ...bounds, default: preset, description }) as const;

/** A whole number within bounds. */
export const integer = (preset: number, bounds: Bounds, description: string) =>
  ({ type: "integer", ...bounds, default: preset, description }) as const;

/** A number of seconds, with the unit in the name that the code gives it. */
export const seconds = (preset: number, bounds: Bounds, description: string) =>
  ({ ...number(preset, bounds, description), "x-unit": "seconds" }) as const;

/** A positive number that may be left out, or null. */
export const limit = (description: string) =>
  ({ type: ["number", "null"], exclusiveMinimum: 0, default: null, description }) as const;

/** A TCP port. */
export const port = (preset: number, description: string) =>
  integer(preset, { minimum: 1, maximum: 65_535 }, description);

/** One of several words or numbers. */
export const choice = <const C extends readonly (string | number)[]>(
  choices: C,
  preset: C[number],
  description: string,
) => ({ enum: choices, default: preset, description }) as const;

/** An object of lists of text. */
export const lists = (description: string) =>
  ({
    type: "object",
    default: {},
    additionalProperties: { type: "array", items: { type: "string", minLength: 1 } },
    description,
  }) as const;

type Bounds = Readonly<
  Partial<Record<"minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum", number>>
>;

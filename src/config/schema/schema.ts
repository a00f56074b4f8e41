import type { Diagnostic } from "../files/diagnostic.ts";

/**
 * A JSON Schema (draft 2020-12) without `$ref`. Descriptions are Markdown, with links relative to docs/: the tables of settings there
 * are made from them. Additional keywords:
 * - `x-secret`: the value is a secret, may be given as `{"file": "…"}` too, and is never shown.
 * - `x-file`: the value is not a secret by itself, and may be given as `{"file": "…"}` too.
 * - `x-expected`: the expected value in words, where the other keywords do not say it, e.g. of a pattern.
 * - `x-literal`: the value decides how the rest is read, and is taken as written, without variables.
 * - `x-sends-in-clear`: on an object of settings; finds credentials that would cross the network unencrypted, for a warning.
 * - `x-faults`: on an object of settings; finds settings that do not fit each other, where the other keywords cannot say it.
 * - `x-place`: on the settings of a store; returns a text that is equal for settings that lead to the same data.
 * - `x-set`: on `driver_config`; one of its keys makes the config a set of devices.
 * - `x-unit`: unit of a number, appended to the setting's name in the code where the name does not have it.
 * - `x-destination`: credentials of its section, or of a section inside it, are sent where the value says.
 * - `x-local`: the value is changed on the machine of the bridge only, not through the web: it names a file or folder, or says who may log in.
 * - `x-unused`: a setting of VOLTTRON that is accepted with a warning, for the given reason, and has no effect.
 */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  /** Schemas of single items of a list; the others have that of `items`. */
  readonly prefixItems?: readonly Schema[];
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly "x-secret"?: boolean;
  readonly "x-file"?: boolean;
  readonly "x-expected"?: string;
  readonly "x-sends-in-clear"?: (settings: never) => SentInClear | undefined;
  readonly "x-place"?: (settings: never, dataFolder: string) => string;
  readonly "x-faults"?: (settings: never, isGiven: (setting: string) => boolean) => readonly SettingFault[];
  readonly "x-literal"?: boolean;
  readonly "x-set"?: SetSchema;
  readonly "x-destination"?: boolean;
  readonly "x-local"?: boolean;
  readonly "x-unit"?: string;
  readonly "x-unused"?: string;
  readonly [keyword: string]: unknown;
}

export const OWN_KEYWORDS = [
  "x-secret",
  "x-file",
  "x-expected",
  "x-literal",
  "x-sends-in-clear",
  "x-faults",
  "x-place",
  "x-set",
  "x-destination",
  "x-local",
  "x-unit",
  "x-unused",
];

/** Describes credentials that would cross the network unencrypted. */
export interface SentInClear {
  /** Key of the setting with the host. */
  readonly setting: string;
  readonly host: string;
  /** How to encrypt the connection: `write mqtts://`. */
  readonly remedy: string;
}

/** A setting that does not fit the others of its object. */
export interface SettingFault
  extends Pick<Diagnostic, "code" | "severity" | "message" | "found" | "expected" | "suggestion"> {
  /** Its key. */
  readonly setting: string;
}

/** How one device config of a driver type describes many devices. */
export interface SetSchema {
  /** Key of `driver_config` that describes the set, e.g. `stations`. */
  readonly key: string;
  /** Key of `driver_config` that names one device, e.g. `stationID`. A config has exactly one of the two. */
  readonly member: string;
  /** Names allowed between braces in a topic template; `member` is one of them. */
  readonly placeholders: readonly string[];
}

export const BRANCHES: readonly string[] = ["allOf", "anyOf", "oneOf"];

/** Returns the schema of one key or item of a value, or undefined if the schema does not describe it. */
export function innerSchema(schema: Schema | undefined, step: string | number): Schema | undefined {
  if (!schema) return undefined;
  if (typeof step === "number") return schema.prefixItems?.[step] ?? schema.items ?? inBranches(schema, step);
  const own = Object.hasOwn(schema.properties ?? {}, step) ? schema.properties?.[step] : undefined;
  if (own) return own;
  const rest = schema.additionalProperties;
  return inBranches(schema, step) ?? (typeof rest === "object" ? rest : undefined);
}

function inBranches(schema: Schema, step: string | number): Schema | undefined {
  for (const keyword of BRANCHES)
    for (const branch of (schema[keyword] as readonly Schema[] | undefined) ?? []) {
      const inner = innerSchema(branch, step);
      if (inner) return inner;
    }
  return undefined;
}

/** Returns the expected value in words: `a whole number from 1 to 86400`, `"json" or "volttron"`. */
export function expectation(schema: Schema): string {
  if (schema["x-expected"]) return schema["x-expected"];
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) return alternatives(schema.enum.map((choice) => JSON.stringify(choice)));
  const branches = (schema.anyOf ?? schema.oneOf) as readonly Schema[] | undefined;
  if (branches) return alternatives(branches.map(expectation));
  const types = [schema.type ?? "value"].flat();
  return alternatives(types.map((type) => typeInWords(type, schema)));
}

function typeInWords(type: string, schema: Schema): string {
  switch (type) {
    case "integer":
      return `a whole number${range(schema)}`;
    case "number":
      return `a number${range(schema)}`;
    case "boolean":
      return "true or false";
    case "string":
      if (schema.pattern) return `text that matches ${schema.pattern}`;
      return schema.minLength ? "text that is not empty" : "text";
    case "array":
      return schema.items ? `a list, each item ${expectation(schema.items)}` : "a list";
    case "object":
      return "an object";
    case "null":
      return "null";
    default:
      return "a value";
  }
}

function range({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Schema): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  const bounds = [
    minimum === undefined ? undefined : `of at least ${minimum}`,
    exclusiveMinimum === undefined ? undefined : `greater than ${exclusiveMinimum}`,
    maximum === undefined ? undefined : `of at most ${maximum}`,
    exclusiveMaximum === undefined ? undefined : `less than ${exclusiveMaximum}`,
  ].filter((bound) => bound !== undefined);
  return bounds.length > 0 ? ` ${bounds.join(" and ")}` : "";
}

export function alternatives(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? "") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

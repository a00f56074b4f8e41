/**
 * A JSON Schema (draft 2020-12) without `$ref`, with keywords of ours:
 * `x-secret` (true: a secret; a file may give it as `{"file": "…"}` too, and nothing ever shows its value),
 * `x-expected` (what is expected, in words, where the keywords alone would not tell, e.g. of a pattern),
 * `x-literal` (true: taken as written, without variables, as it decides how the rest is read),
 * `x-sends-in-clear` (on an object of settings: finds the credentials in it that would cross the network unencrypted; a warning),
 * `x-set` (on `driver_config`: one of its keys makes the config a set of devices; {@link SetSchema}),
 * `x-unit` (unit of a number that the setting's name does not tell; the name in the code gets it: {@link nameOf}),
 * `x-unused` (VOLTTRON knows the setting, we do not use it, for the reason given: accepted with a warning).
 * A `description` is the meaning in the tables of docs/, in Markdown with links from there.
 */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly "x-secret"?: boolean;
  readonly "x-expected"?: string;
  readonly "x-sends-in-clear"?: (settings: never) => SentInClear | undefined;
  readonly "x-literal"?: boolean;
  readonly "x-set"?: SetSchema;
  readonly "x-unit"?: string;
  readonly "x-unused"?: string;
  readonly [keyword: string]: unknown;
}

export const OWN_KEYWORDS = [
  "x-secret",
  "x-expected",
  "x-literal",
  "x-sends-in-clear",
  "x-set",
  "x-unit",
  "x-unused",
];

/** Credentials that would cross the network unencrypted. */
export interface SentInClear {
  /** Key of the settings that names the host. */
  readonly setting: string;
  readonly host: string;
  /** How to encrypt the connection: `write mqtts://`. */
  readonly remedy: string;
}

/** How a driver type lets one config stand for many devices. */
export interface SetSchema {
  /** Key of `driver_config` that describes the set, e.g. `stations`. */
  readonly key: string;
  /** Key of `driver_config` that names one device, e.g. `stationID`; exactly one of the two is there. */
  readonly member: string;
  /** What a topic template may hold between braces; `member` is one of them. */
  readonly placeholders: readonly string[];
}

export const BRANCHES: readonly string[] = ["allOf", "anyOf", "oneOf"];

/** The schema of one key or item of a value, as far as the schema tells. */
export function innerSchema(schema: Schema | undefined, step: string | number): Schema | undefined {
  if (!schema) return undefined;
  if (typeof step === "number") return schema.items ?? inBranches(schema, step);
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

/** What a schema wants, in words: `a whole number from 1 to 86400`, `"json" or "volttron"`. */
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

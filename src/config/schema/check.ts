import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import type { Diagnostic } from "../files/diagnostic.ts";
import type { DiagnosticCode } from "../files/diagnostic-codes.ts";
import { closest } from "../files/did-you-mean.ts";
import { type JsonDocument, type JsonPath, MOST_PROBLEMS, pathText } from "../files/json-document.ts";
import { alternatives, expectation, OWN_KEYWORDS, type Schema } from "./schema.ts";

/**
 * Checks the resolved value of a document and fills in the schema's defaults, in place. Returns one diagnostic per problem, at its
 * place in the document.
 */
export function checkValue(document: JsonDocument, value: unknown, schema: Schema): Diagnostic[] {
  const validate = compiled(schema);
  if (validate(value)) return [];
  const errors = withoutBranchNoise((validate.errors ?? []).slice(0, MOST_PROBLEMS));
  const found = errors.map((error) => toDiagnostic(document, error)).filter((d) => d !== undefined);
  return distinct(found);
}

const validators = new WeakMap<Schema, ValidateFunction>();
/** By the text of the schema: that of the bridge config is composed for each file, of parts that seldom differ. */
const equals = new Map<string, ValidateFunction>();

function compiled(schema: Schema): ValidateFunction {
  const known = validators.get(schema);
  if (known) return known;
  const text = JSON.stringify(schema);
  const validate = equals.get(text) ?? compile(schema);
  equals.set(text, validate);
  validators.set(schema, validate);
  return validate;
}

function compile(schema: Schema): ValidateFunction {
  const ajv = new Ajv2020({ allErrors: true, useDefaults: true, verbose: true, strictTypes: false });
  ajv.addVocabulary(OWN_KEYWORDS);
  return ajv.compile(schema);
}

/**
 * If no branch of an anyOf or oneOf matches, ajv reports errors of every branch. Keeps those of the one branch whose type
 * matches; without such a branch, keeps the error of the anyOf itself, which names what was expected.
 */
function withoutBranchNoise(errors: readonly ErrorObject[]): ErrorObject[] {
  let kept = [...errors];
  for (const outer of errors) {
    if (outer.keyword !== "anyOf" && outer.keyword !== "oneOf") continue;
    const ofBranch = (error: ErrorObject) => error.schemaPath.startsWith(`${outer.schemaPath}/`);
    const branch = (error: ErrorObject) => error.schemaPath.slice(outer.schemaPath.length + 1).split("/")[0]!;
    const complaints = errors.filter(ofBranch);
    const ofWrongKind = new Set(
      complaints
        .filter((error) => error.keyword === "type" && error.instancePath === outer.instancePath)
        .map(branch),
    );
    const fitting = new Set(complaints.map(branch).filter((name) => !ofWrongKind.has(name)));
    kept =
      fitting.size === 1
        ? kept.filter((error) => error !== outer && !(ofBranch(error) && !fitting.has(branch(error))))
        : kept.filter((error) => !ofBranch(error));
  }
  return kept;
}

function toDiagnostic(document: JsonDocument, error: ErrorObject): Diagnostic | undefined {
  const path = pointerPath(document, error.instancePath);
  const at = (part: "key" | "value", where: JsonPath) => ({
    severity: "error" as const,
    file: document.file,
    ...document.place(where, part),
    ...(where.length > 0 ? { path: pathText(where) } : {}),
  });
  const schema = error.parentSchema as Schema;
  const params = error.params as Record<string, string>;
  switch (error.keyword) {
    case "if":
      return undefined;
    case "additionalProperties":
    case "unevaluatedProperties": {
      const key = params.additionalProperty ?? params.unevaluatedProperty ?? "";
      return {
        code: "unknown_key",
        ...at("key", [...path, key]),
        ...unknownKey(document, path, key, schema),
      };
    }
    case "required": {
      const key = params.missingProperty!;
      if (isMisspelt(document, path, key, schema, error.data as object)) return undefined;
      const wanted = schema.properties?.[key];
      return {
        code: "missing_key",
        ...at("value", path),
        path: pathText([...path, key]),
        message: `"${key}" is missing`,
        ...(wanted ? { expected: expectation(wanted) } : {}),
      };
    }
    case "propertyNames":
      return {
        code: "bad_key",
        ...at("key", [...path, params.propertyName!]),
        message: "the key does not have the right form",
      };
    default: {
      const [code, message] = FAULTS[error.keyword] ?? ["bad_value", "the value does not fit"];
      const choices = schema.enum?.filter((choice) => typeof choice === "string");
      const suggestion = choices && typeof error.data === "string" ? closest(error.data, choices) : undefined;
      const found = shownValue(document, path, schema);
      return {
        code,
        ...at("value", path),
        message,
        ...(found === undefined ? {} : { found }),
        expected: expectation(schema),
        ...(suggestion === undefined ? {} : { suggestion }),
      };
    }
  }
}

/** Code and message by ajv's keyword. */
const FAULTS: Readonly<Record<string, readonly [code: DiagnosticCode, message: string]>> = {
  type: ["wrong_type", "the value is of the wrong type"],
  enum: ["bad_choice", "the value is not one of the choices"],
  const: ["bad_choice", "the value is not one of the choices"],
  minimum: ["out_of_range", "the number is too small"],
  exclusiveMinimum: ["out_of_range", "the number is too small"],
  maximum: ["out_of_range", "the number is too large"],
  exclusiveMaximum: ["out_of_range", "the number is too large"],
  multipleOf: ["out_of_range", "the number is between the steps"],
  minLength: ["bad_text", "the text is too short"],
  maxLength: ["bad_text", "the text is too long"],
  pattern: ["bad_text", "the text does not have the right form"],
  minItems: ["bad_list", "the list is too short"],
  maxItems: ["bad_list", "the list is too long"],
  uniqueItems: ["bad_list", "the list holds the same item twice"],
};

function unknownKey(
  document: JsonDocument,
  path: JsonPath,
  key: string,
  schema: Schema,
): Pick<Diagnostic, "message" | "expected" | "suggestion"> {
  const known = Object.entries(schema.properties ?? {})
    .filter(([name, { "x-unused": unused }]) => !unused && name !== "$schema")
    .map(([name]) => name)
    .filter((name) => document.source([...path, name]) === undefined);
  const suggestion = closest(key, known);
  const message = `there is no setting ${JSON.stringify(key)}`;
  if (suggestion !== undefined) return { message, suggestion };
  return known.length === 0 ? { message } : { message, expected: alternatives(known) };
}

/** Returns whether a missing key is misspelt; then only the unknown key is reported. */
function isMisspelt(
  document: JsonDocument,
  path: JsonPath,
  key: string,
  schema: Schema,
  data: object,
): boolean {
  if (schema.additionalProperties !== false) return false;
  return Object.keys(data)
    .filter((name) => !Object.hasOwn(schema.properties ?? {}, name))
    .slice(0, MOST_PROBLEMS)
    .some((name) => unknownKey(document, path, name, schema).suggestion === key);
}

/** Returns the value as written, but not a secret, nor text in place of an object, which may be one. */
function shownValue(document: JsonDocument, path: JsonPath, schema: Schema): string | undefined {
  const source = document.source(path);
  if (source === undefined || schema["x-secret"]) return undefined;
  if ([schema.type].flat().includes("object") && source.startsWith('"')) return "text";
  return source.replace(/\/\/[^/@\s"]*@/, "//***@");
}

/** Keeps the first problem of each place: a value of the wrong type is not one of the choices either. */
function distinct(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const firsts = new Map<string | undefined, Diagnostic>();
  for (const diagnostic of diagnostics)
    if (!firsts.has(diagnostic.path)) firsts.set(diagnostic.path, diagnostic);
  return [...firsts.values()];
}

/** Converts a JSON pointer (`/mqtt/embedded/port`) to a path of the document, with numbers as indexes of lists. */
function pointerPath(document: JsonDocument, pointer: string): JsonPath {
  const path: (string | number)[] = [];
  for (const step of pointer.split("/").slice(1)) {
    const key = step.replaceAll("~1", "/").replaceAll("~0", "~");
    path.push(document.isList(path) ? Number(key) : key);
  }
  return path;
}

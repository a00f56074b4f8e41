import { BRANCHES, OWN_KEYWORDS, type Schema } from "./schema.ts";

/** Alternative to a secret. */
const SECRET_FILE: Schema = {
  type: "object",
  properties: { file: { type: "string", description: "Path of the file, relative to this file's folder." } },
  required: ["file"],
  additionalProperties: false,
  description: "File that contains the secret; a trailing line break is ignored.",
};

/** Alternative to any single value. */
const VARIABLE: Schema = {
  type: "string",
  pattern: "\\$\\{",
  description: "Text with an environment variable.",
};

/**
 * Returns the schema for editors: of files as written, before variables and secret files are resolved, and without the
 * additional keywords.
 */
export function editorSchema(schema: Schema): Schema {
  const { "x-unused": unused, description, default: preset, ...keywords } = schema;
  if (unused) return { description: `Not used: ${unused}.`, deprecated: true };
  const plain = Object.fromEntries(
    Object.entries(keywords)
      .filter(([keyword]) => !OWN_KEYWORDS.includes(keyword))
      .map(([keyword, value]) => [keyword, editorKeyword(keyword, value)]),
  );
  const forms = [
    plain,
    ...(takesVariable(schema) ? [VARIABLE] : []),
    ...(schema["x-secret"] || schema["x-file"] ? [SECRET_FILE] : []),
  ];
  return {
    ...(description === undefined ? {} : { description: withoutLinks(description) }),
    ...(preset === undefined ? {} : { default: preset }),
    ...(forms.length === 1 ? plain : { anyOf: forms }),
  };
}

/** Removes the links, which are relative to docs/. */
function withoutLinks(markdown: string): string {
  return markdown.replace(/\[([^\]]+)\]\([^)]+\)/g, "$1");
}

/** Returns whether a variable would violate the schema as it is. */
function takesVariable(schema: Schema): boolean {
  if (schema["x-literal"]) return false;
  const types = [schema.type ?? []].flat();
  if (schema.enum) return true;
  if (types.includes("string")) return schema.pattern !== undefined;
  return ["integer", "number", "boolean"].some((type) => types.includes(type));
}

function editorKeyword(keyword: string, value: unknown): unknown {
  if (keyword === "properties")
    return Object.fromEntries(
      Object.entries(value as object).map(([key, inner]) => [key, editorSchema(inner)]),
    );
  if (Array.isArray(value) && BRANCHES.includes(keyword)) return value.map(editorSchema);
  const isSchema = ["items", "additionalProperties", "then", "else"].includes(keyword);
  return isSchema && typeof value === "object" ? editorSchema(value as Schema) : value;
}

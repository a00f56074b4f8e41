import type { PointValue } from "../../points/index.ts";
import { IgnoredError } from "./message.ts";

/** Maximum size of a message, in bytes: twice that of a device with 5,000 points and all metadata. */
export const MAX_MESSAGE_BYTES = 1024 * 1024;
/** Maximum nesting of lists and objects in a message. */
const MAX_DEPTH = 64;

export type Json = PointValue;
export type JsonObject = { readonly [key: string]: Json };

export function isObject(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Returns an object's own property; `__proto__` has no special meaning. */
export function own(object: JsonObject | undefined, name: string): Json | undefined {
  return object && Object.hasOwn(object, name) ? object[name] : undefined;
}

/** Parses the JSON of a message. @throws {IgnoredError} */
export function readJson(payload: Uint8Array): Json {
  if (payload.byteLength > MAX_MESSAGE_BYTES)
    throw new IgnoredError(
      "too_large",
      `the message must have at most ${MAX_MESSAGE_BYTES} bytes, found ${payload.byteLength}`,
    );
  const value = parse(decode(payload));
  if (isDeeper(value, MAX_DEPTH))
    throw new IgnoredError("too_deep", `lists and objects must be nested at most ${MAX_DEPTH} levels deep`);
  return value;
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });

function decode(payload: Uint8Array): string {
  try {
    return UTF8.decode(payload);
  } catch {
    throw new IgnoredError("not_utf8", "the message is not UTF-8");
  }
}

function parse(text: string): Json {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (text.trim() === "") throw new IgnoredError("not_json", "the message is empty");
    return parsePython(text, error as Error);
  }
}

/** Matches the numbers that JSON lacks, and strings, so that they can be skipped; an unterminated one extends to the end. */
const PYTHON_NUMBER = /"(?:[^"\\]|\\[\s\S])*(?:"|\\?$)|-?\bInfinity\b|\bNaN\b/g;
const MARK = "\u0000number:";

/** Parses Python's JSON, which has `NaN` and `Infinity`. One of them must not lose a whole scrape. */
function parsePython(text: string, cause: Error): Json {
  const marked = text.replace(PYTHON_NUMBER, (found) =>
    found.startsWith('"') ? found : JSON.stringify(`${MARK}${found}`),
  );
  try {
    if (marked !== text)
      return JSON.parse(marked, (_key, value) =>
        typeof value === "string" && value.startsWith(MARK) ? Number(value.slice(MARK.length)) : value,
      );
  } catch {
    // The first error describes the text as received.
  }
  throw new IgnoredError("not_json", `the message is not JSON: ${cause.message.replace(/, ".*$/s, "")}`);
}

/** Recurses no deeper than the limit, so that no message can exhaust the stack. */
function isDeeper(value: Json, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}

import type { PointValue } from "../../points/index.ts";
import { IgnoredError } from "./message.ts";

/** Bytes of a message; a device of 5,000 points with all its metadata has half of it. */
export const LARGEST_MESSAGE = 1024 * 1024;
/** Levels of lists and objects in a message. */
const DEEPEST = 64;

export type Json = PointValue;
export type JsonObject = { readonly [key: string]: Json };

export function isObject(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What an object has of its own under a name; `__proto__` is a name like any other. */
export function own(object: JsonObject | undefined, name: string): Json | undefined {
  return object && Object.hasOwn(object, name) ? object[name] : undefined;
}

/** The JSON of a message. Throws an IgnoredError. */
export function readJson(payload: Uint8Array): Json {
  if (payload.byteLength > LARGEST_MESSAGE)
    throw new IgnoredError("too_large", `${payload.byteLength} bytes; at most ${LARGEST_MESSAGE} are taken`);
  const value = parse(decode(payload));
  if (isDeeper(value, DEEPEST))
    throw new IgnoredError("too_deep", `lists and objects within each other, more than ${DEEPEST} levels`);
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

/** Texts, so that they are passed over (one that never ends reaches to the end), and the numbers that JSON has not. */
const PYTHON_NUMBER = /"(?:[^"\\]|\\[\s\S])*(?:"|\\?$)|-?\bInfinity\b|\bNaN\b/g;
const MARK = "\u0000number:";

/** Python's json writes `NaN` and `Infinity`, which JSON has not. One of them must not cost a whole scrape. */
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
    // The first error tells what is wrong in the text as it came.
  }
  throw new IgnoredError("not_json", `the message is not JSON: ${cause.message.replace(/, ".*$/s, "")}`);
}

/** Looks no deeper than the limit, so that no message can exhaust the stack. */
function isDeeper(value: Json, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}

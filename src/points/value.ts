import type { PointType } from "./point-type.ts";

/**
 * The value of a point, any JSON. Times are ISO 8601 text. `null` means that the source returned no value; a point that could not be read
 * is absent, never null (see {@link Scrape}).
 */
export type PointValue = null | boolean | number | string | PointValue[] | { [key: string]: PointValue };

/** `type` in the metadata of a published point. Dates and times of day have no own name there. */
export type MetadataType = "boolean" | "integer" | "float" | "string" | "datetime" | "dictionary";

export function metadataType(type: PointType): MetadataType {
  return type === "date" || type === "time" ? "string" : type;
}

/** Result of a conversion. An invalid value is never guessed, but rejected with what was expected. */
export type Conversion = { ok: true; value: PointValue } | { ok: false; expected: string };

const TRUE_WORDS = new Set(["true", "1", "yes", "on"]);
const FALSE_WORDS = new Set(["false", "0", "no", "off"]);
const NUMBER_PATTERN = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const DATE_PATTERN = /^\d{4}-\d{2}-\d{2}$/;
const TIME_PATTERN = /^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?$/;
const DATETIME_PATTERN = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?$/;

/**
 * Converts a value of the source, of a command or of a CSV cell to a point's declared type.
 * `null`, `undefined` and empty text are "no value" and become null for every type.
 * A datetime without a zone is UTC (guide §1.2) and is returned as `YYYY-MM-DDTHH:MM:SS[.fff]Z`.
 */
export function convertValue(raw: unknown, type: PointType): Conversion {
  if (raw === null || raw === undefined || raw === "") return { ok: true, value: null };
  switch (type) {
    case "string":
      return convertString(raw);
    case "integer":
      return convertNumber(raw, Number.isSafeInteger, "a whole number");
    case "float":
      return convertNumber(raw, Number.isFinite, "a number");
    case "boolean":
      return convertBoolean(raw);
    case "datetime":
      return convertDatetime(raw);
    case "date":
      return convertDate(raw);
    case "time":
      return convertPattern(raw, TIME_PATTERN, "a time of day (HH:MM:SS)");
    case "dictionary":
      return typeof raw === "object" && !Array.isArray(raw)
        ? { ok: true, value: raw as PointValue }
        : { ok: false, expected: "an object" };
  }
}

function convertString(raw: unknown): Conversion {
  if (typeof raw === "string") return { ok: true, value: raw };
  if (typeof raw === "number" || typeof raw === "boolean") return { ok: true, value: String(raw) };
  return { ok: false, expected: "text" };
}

function convertNumber(raw: unknown, fits: (n: number) => boolean, expected: string): Conversion {
  const text = typeof raw === "string" ? raw.trim() : raw;
  const number =
    typeof text === "number"
      ? text
      : typeof text === "string" && NUMBER_PATTERN.test(text)
        ? Number(text)
        : Number.NaN;
  return fits(number) ? { ok: true, value: number } : { ok: false, expected };
}

function convertBoolean(raw: unknown): Conversion {
  if (typeof raw === "boolean") return { ok: true, value: raw };
  const word =
    typeof raw === "number" ? String(raw) : typeof raw === "string" ? raw.trim().toLowerCase() : "";
  if (TRUE_WORDS.has(word)) return { ok: true, value: true };
  if (FALSE_WORDS.has(word)) return { ok: true, value: false };
  return { ok: false, expected: "true or false" };
}

/** Parses a time to milliseconds since 1970; without a zone it is UTC. Returns NaN for an invalid time. */
export function timeOf(text: string): number {
  const zoned = /(Z|[+-]\d{2}:?\d{2})$/i.test(text) ? text : `${text}Z`;
  return Date.parse(zoned.replace(" ", "T"));
}

/** Last conversion: the records of a page mostly have the same time. */
let lastTime: { readonly raw: string; readonly conversion: Conversion } | undefined;

function convertDatetime(raw: unknown): Conversion {
  if (typeof raw !== "string") return noDatetime;
  if (lastTime?.raw !== raw) lastTime = { raw, conversion: readDatetime(raw) };
  return lastTime.conversion;
}

const noDatetime: Conversion = {
  ok: false,
  expected: "a date and time (ISO 8601, e.g. 2026-11-21T08:00:00Z)",
};

function readDatetime(raw: string): Conversion {
  const text = raw.trim().toUpperCase();
  if (!DATETIME_PATTERN.test(text) || !isDay(text)) return noDatetime;
  const time = timeOf(text);
  if (Number.isNaN(time)) return noDatetime;
  return { ok: true, value: new Date(time).toISOString().replace(".000Z", "Z") };
}

function convertDate(raw: unknown): Conversion {
  const expected = "a date (YYYY-MM-DD)";
  const text = typeof raw === "string" ? raw.trim() : "";
  return DATE_PATTERN.test(text) && isDay(text) ? { ok: true, value: text } : { ok: false, expected };
}

/** Returns whether `YYYY-MM-DD…` is a valid date: `Date` accepts 30 February as 2 March. */
function isDay(text: string): boolean {
  const [year, month, day] = text.slice(0, 10).split("-").map(Number);
  const date = new Date(0);
  date.setUTCFullYear(year!, month! - 1, day);
  return date.getUTCMonth() === month! - 1 && date.getUTCDate() === day;
}

function convertPattern(raw: unknown, pattern: RegExp, expected: string): Conversion {
  const text = typeof raw === "string" ? raw.trim() : "";
  return pattern.test(text) ? { ok: true, value: text } : { ok: false, expected };
}

import { HistorianError } from "../../errors.ts";
import type { InfluxAnswer } from "./http.ts";

/** What a write came to. */
export type Verdict =
  | { readonly kind: "stored" }
  /** Some lines were refused, the others may be stored. `lines`: those it named, from 0, where it named all. */
  | { readonly kind: "bad"; readonly text: string; readonly lines?: readonly number[] }
  | { readonly kind: "too_large" }
  /** Database or retention policy are not there. */
  | { readonly kind: "missing"; readonly text: string }
  | { readonly kind: "failed"; readonly error: HistorianError; readonly waitMs?: number };

const LONGEST_TEXT = 300;
const PERSON: Readonly<Record<number, string>> = {
  401: "it refuses the credentials; check username, password or token",
  403: "the credentials may not write there; grant it",
};

/**
 * Tells apart what the write endpoints of InfluxDB 1.x (`/write`), 2.x (`/api/v2/write`) and 3 (`/api/v3/write_lp`)
 * answer. Nothing but a refusal in InfluxDB's own words (400, 422) can lead to values being rejected.
 */
export function judge(answer: InfluxAnswer, where: string): Verdict {
  const { status } = answer;
  const { text, lines } = reasonOf(answer.body);
  const shown = text === undefined ? "" : `: ${shortened(text)}`;
  const fail = (kind: "retry" | "give_up", why: string): Verdict => ({
    kind: "failed",
    error: new HistorianError(kind, `InfluxDB at ${where}: ${why} (HTTP ${status}${shown})`),
    waitMs: answer.retryAfterMs,
  });
  if (status === 204) return { kind: "stored" };
  if (status === 413) return { kind: "too_large" };
  if (status === 400 || status === 422)
    return text === undefined
      ? fail("retry", "something that is not InfluxDB refuses the points; check url")
      : { kind: "bad", text, ...(lines ? { lines } : {}) };
  if (isMissing(text) && (status === 404 || status === 500)) return { kind: "missing", text: text ?? "" };
  if (status === 404)
    return fail("give_up", "database, bucket or path are not there; check url, database, bucket and org");
  const person = PERSON[status];
  if (person) return fail("give_up", person);
  if (status === 429 || status === 408) return fail("retry", "it asks to be left alone for a while");
  if (status >= 500) return fail("retry", "it cannot store at present");
  return fail("give_up", "this is no answer of a write endpoint; check url and version");
}

/** 1.6 answers 404 for a database, 500 for a retention policy. */
export function isMissing(text: string | undefined): boolean {
  return /^(database|retention policy) not found/.test(text ?? "");
}

/**
 * What InfluxDB says was wrong: `{"error"}` (1.x, 3), `{"code", "message"}` (2.x); 3 adds `data`, one entry for each line that was
 * refused. Without text where the body is not InfluxDB's.
 */
export function reasonOf(body: string): { readonly text?: string; readonly lines?: readonly number[] } {
  try {
    const { error, message, data } = JSON.parse(body) as Record<string, unknown>;
    const entries = [data ?? []].flat() as { line_number?: unknown; error_message?: unknown }[];
    const reason = typeof error === "string" ? error : message;
    if (typeof reason !== "string" || reason === "") return {};
    const details = entries
      .map((entry) => entry?.error_message)
      .filter((detail) => typeof detail === "string");
    const lines = entries.map((entry) => Number(entry?.line_number) - 1);
    const named = lines.length > 0 && lines.every((line) => Number.isSafeInteger(line) && line >= 0);
    return { text: [reason, ...details.slice(0, 1)].join(": "), ...(named ? { lines } : {}) };
  } catch {
    return {};
  }
}

/** One line that fits into a message. */
export function shortened(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length > LONGEST_TEXT ? `${line.slice(0, LONGEST_TEXT)}…`.toWellFormed() : line;
}

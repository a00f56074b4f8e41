import { HistorianError } from "../../errors.ts";
import type { InfluxResponse } from "./http.ts";

/** Result of a write. */
export type Verdict =
  | { readonly kind: "stored" }
  /** Some lines were rejected, the others may be stored. `lines`: the rejected ones, from 0, when the server named all. */
  | { readonly kind: "bad"; readonly text: string; readonly lines?: readonly number[] }
  | { readonly kind: "too_large" }
  /** The database or retention policy does not exist. */
  | { readonly kind: "missing"; readonly text: string }
  | { readonly kind: "failed"; readonly error: HistorianError; readonly waitMs?: number };

const MAX_TEXT_LENGTH = 300;
const CREDENTIAL_ERRORS: Readonly<Record<number, string>> = {
  401: "it rejects the credentials; check username, password or token",
  403: "the user has no right to write there; grant it",
};

/**
 * Classifies the responses of the write endpoints of InfluxDB 1.x (`/write`), 2.x (`/api/v2/write`) and 3 (`/api/v3/write_lp`).
 * Only a 400 or 422 with InfluxDB's own error text can lead to values being rejected.
 */
export function judge(answer: InfluxResponse, where: string): Verdict {
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
      ? fail("retry", "a server that is not InfluxDB rejects the points; check url")
      : { kind: "bad", text, ...(lines ? { lines } : {}) };
  if (isMissing(text) && (status === 404 || status === 500)) return { kind: "missing", text: text ?? "" };
  if (status === 404)
    return fail(
      "give_up",
      "the database, bucket or path does not exist; check url, database, bucket and org",
    );
  const person = CREDENTIAL_ERRORS[status];
  if (person) return fail("give_up", person);
  if (status === 429 || status === 408) return fail("retry", "it is overloaded or limits the request rate");
  if (status >= 500) return fail("retry", "it cannot store values now");
  return fail("give_up", "this is not the response of a write endpoint; check url and version");
}

/** Returns whether a database (404 in 1.6) or retention policy (500 in 1.6) does not exist. */
export function isMissing(text: string | undefined): boolean {
  return /^(database|retention policy) not found/.test(text ?? "");
}

/**
 * Reads InfluxDB's error: `{"error"}` (1.x, 3), `{"code", "message"}` (2.x); 3 adds `data`, one entry for each rejected line. No text
 * when the body is not InfluxDB's.
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

/** Shortens text to one line for a message. */
export function shortened(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length > MAX_TEXT_LENGTH ? `${line.slice(0, MAX_TEXT_LENGTH)}…`.toWellFormed() : line;
}

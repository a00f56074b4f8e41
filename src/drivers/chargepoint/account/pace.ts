import type { Answers } from "./answers.ts";

/** Sessions change no faster at their source (guide §6.1), so younger answers are not asked for. */
export const SESSION_REFRESH_SECONDS = 300;

/** Kinds of answers that scrapes do not ask for anew each time. */
export const SELDOM: ReadonlySet<keyof Answers> = new Set(["station", "rights", "sessions", "publicStation"]);

/** Age in seconds that an answer may have in a scrape, whoever it was fetched for. */
export function ageAllowed(kind: keyof Answers, cacheSeconds: number, nameplateSeconds: number): number {
  if (kind === "sessions") return Math.max(SESSION_REFRESH_SECONDS, cacheSeconds);
  return SELDOM.has(kind) ? Math.max(nameplateSeconds, cacheSeconds) : cacheSeconds;
}

import { ApiError, TransportError } from "../../api/errors.ts";
import type { Answers } from "../answers.ts";
import { AccountPausedError } from "../limits/breaker.ts";
import { AccountBusyError } from "../limits/call-limits.ts";
import { isInvalidStation } from "./station-missing.ts";

/** Sessions change no faster at their source (guide §6.1), so younger answers are not asked for. */
export const SESSION_REFRESH_SECONDS = 300;

/** Kinds of answers that scrapes do not ask for anew each time. */
export const SELDOM: ReadonlySet<keyof Answers> = new Set(["station", "rights", "sessions", "publicStation"]);

/** Age in seconds that an answer may have in a scrape, whoever it was fetched for. */
export function ageAllowed(kind: keyof Answers, cacheSeconds: number, nameplateSeconds: number): number {
  if (kind === "sessions") return Math.max(SESSION_REFRESH_SECONDS, cacheSeconds);
  return SELDOM.has(kind) ? Math.max(nameplateSeconds, cacheSeconds) : cacheSeconds;
}

/** Time between two reads that the service refuses for a reason that only people can change, seconds. */
export const REFUSED_RETRY_SECONDS = 3600;

/** Whether the account's service plan does not include the operation (guide §3). */
export function isOutsidePlan(error: unknown): boolean {
  return error instanceof ApiError && error.code === "101";
}

/** Seconds for which scrapes do not repeat a read that failed. */
export function retrySeconds(kind: keyof Answers, error: unknown): number {
  if (isOutsidePlan(error) || isInvalidStation(error)) return REFUSED_RETRY_SECONDS;
  // Nothing was sent, so nothing was used up.
  if (error instanceof AccountPausedError || error instanceof AccountBusyError) return 0;
  if (error instanceof TransportError && !error.sent) return 0;
  return kind === "sessions" ? SESSION_REFRESH_SECONDS : 0;
}

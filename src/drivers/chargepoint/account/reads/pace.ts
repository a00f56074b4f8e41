import { ApiError, TransportError } from "../../api/errors.ts";
import type { Answers } from "../answers.ts";
import { AccountPausedError } from "../limits/breaker.ts";
import { AccountBusyError } from "../limits/call-limits.ts";
import { isInvalidStation } from "./station-missing.ts";

/** Minimum interval between session reads, in seconds: their source changes no faster (guide §6.1). */
export const SESSION_REFRESH_SECONDS = 300;

/** Kinds of answers that are not read in each scrape. */
export const SELDOM: ReadonlySet<keyof Answers> = new Set(["station", "rights", "sessions", "publicStation"]);

/** Returns the maximum age in seconds of an answer used by a scrape, including answers fetched for others. */
export function ageAllowed(kind: keyof Answers, cacheSeconds: number, nameplateSeconds: number): number {
  if (kind === "sessions") return Math.max(SESSION_REFRESH_SECONDS, cacheSeconds);
  return SELDOM.has(kind) ? Math.max(nameplateSeconds, cacheSeconds) : cacheSeconds;
}

/** Interval between reads that the service refuses for a reason that only people can change, in seconds. */
export const REFUSED_RETRY_SECONDS = 3600;

/** Returns whether the operation is outside the account's service plan (guide §3). */
export function isOutsidePlan(error: unknown): boolean {
  return error instanceof ApiError && error.code === "101";
}

/** Returns the seconds for which scrapes do not repeat a failed read. */
export function retrySeconds(kind: keyof Answers, error: unknown): number {
  if (isOutsidePlan(error) || isInvalidStation(error)) return REFUSED_RETRY_SECONDS;
  // Nothing was sent, so no call was used up.
  if (error instanceof AccountPausedError || error instanceof AccountBusyError) return 0;
  if (error instanceof TransportError && !error.sent) return 0;
  return kind === "sessions" ? SESSION_REFRESH_SECONDS : 0;
}

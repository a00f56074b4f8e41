import { HOUR, MINUTE } from "../time.ts";
import type { Notes, Run } from "./notes.ts";

/**
 * `bridge_down`: no bridge was running, or it had just started. `offline`: the device could not be read. `dropped`: it was read, and
 * the values were dropped before they were stored. `dead_letter`: the store rejected them. `skipped`: the previous scrape took too
 * long. `missed`: the bridge was running and the device online, so single scrapes failed or the values still wait in the spool.
 * `not_configured`: the bridge ran without this device. `unknown`: there are no notes of a bridge.
 */
export type GapReason =
  | "bridge_down"
  | "offline"
  | "dropped"
  | "dead_letter"
  | "skipped"
  | "missed"
  | "not_configured"
  | "unknown";

export interface Explanation {
  readonly reason: GapReason;
  /** Further explanation for people; may be empty. */
  readonly detail: string;
}

/** Time after the last sign of life within which a bridge counts as running; it writes one every minute. */
const SILENCE = 2.5 * MINUTE;
/** Validity of a note about skipped scrapes, which is repeated at least every hour. */
const SKIP_HOLDS = HOUR;

/** Explains why a device has no value at a time (microseconds since 1970 UTC). */
export function explain(notes: Notes, time: number): Explanation {
  const { runs, changes, losses, skips } = notes;
  if (runs.length === 0) return { reason: "unknown", detail: "" };
  const run = runs.findLast(({ from }) => from <= time);
  if (!run) return { reason: "unknown", detail: "before the first recorded run" };
  const next = runs[runs.indexOf(run) + 1];
  if (!ranAt(run, next, time)) return { reason: "bridge_down", detail: downDetail(run, next) };
  const first = changes.find(({ at }) => at >= run.from && at < (next?.from ?? Number.POSITIVE_INFINITY));
  if (!first) return { reason: "not_configured", detail: "" };
  if (time < first.at) return { reason: "bridge_down", detail: "starting" };
  const state = changes.findLast(({ at }) => at <= time);
  if (state && state.availability !== "online") return { reason: "offline", detail: state.reason };
  const loss = losses.find(({ from, to }) => from <= time && time <= to);
  if (loss?.reason === "dead_letter") return { reason: "dead_letter", detail: "" };
  if (loss) return { reason: "dropped", detail: loss.reason };
  const skip = skips.findLast(({ at }) => at <= time);
  if (skip && time - skip.at < SKIP_HOLDS) return { reason: "skipped", detail: skip.text };
  return { reason: "missed", detail: "" };
}

/** Returns the times at which the result of {@link explain} can change. */
export function turningPoints({ runs, changes, losses, skips }: Notes): number[] {
  return [
    ...runs.flatMap(({ from, until }) => [from, until + 1, until + SILENCE]),
    ...changes.map(({ at }) => at),
    ...losses.flatMap(({ from, to }) => [from, to + 1]),
    ...skips.flatMap(({ at }) => [at, at + SKIP_HOLDS]),
  ].sort((a, b) => a - b);
}

/** Returns whether a run covers a time. The last run may still be running unless it ended in order. */
function ranAt({ until, ended }: Run, next: Run | undefined, time: number): boolean {
  return time <= until || (!next && !ended && time < until + SILENCE);
}

function downDetail({ ended }: Run, next: Run | undefined): string {
  if (ended) return "stopped";
  return next ? "died" : "no sign of life, or its notes still wait in its spool";
}

import { HOUR, MINUTE } from "../time.ts";
import type { Notes, Run } from "./notes.ts";

/**
 * `bridge_down`: no bridge ran, or it had just started. `offline`: the device could not be read. `dropped`: it was read, and the
 * values were lost on the way. `dead_letter`: they were set aside. `skipped`: the scrape before took too long. `missed`: the bridge
 * ran and the device was online, so that a scrape or two failed, or the values still wait in the spool. `not_configured`: the bridge
 * ran without this device. `unknown`: no bridge noted anything.
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
  /** For people; empty where the reason says it all. */
  readonly detail: string;
}

/** A bridge says that it is alive every minute. */
const SILENCE = 2.5 * MINUTE;
/** Skipping is told again after an hour at the latest. */
const SKIP_HOLDS = HOUR;

/** Why there is no value of a device at a time (microseconds since 1970 UTC). */
export function explain(notes: Notes, time: number): Explanation {
  const { runs, changes, losses, skips } = notes;
  if (runs.length === 0) return { reason: "unknown", detail: "" };
  const run = runs.findLast(({ from }) => from <= time);
  if (!run) return { reason: "unknown", detail: "before the first run that is known" };
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

/** Times at which {@link explain} can begin to answer something else. */
export function turningPoints({ runs, changes, losses, skips }: Notes): number[] {
  return [
    ...runs.flatMap(({ from, until }) => [from, until + 1, until + SILENCE]),
    ...changes.map(({ at }) => at),
    ...losses.flatMap(({ from, to }) => [from, to + 1]),
    ...skips.flatMap(({ at }) => [at, at + SKIP_HOLDS]),
  ].sort((a, b) => a - b);
}

/** Of the last run nobody knows the end, unless it ended in order: a short silence says nothing. */
function ranAt({ until, ended }: Run, next: Run | undefined, time: number): boolean {
  return time <= until || (!next && !ended && time < until + SILENCE);
}

function downDetail({ ended }: Run, next: Run | undefined): string {
  if (ended) return "stopped";
  return next ? "died" : "no sign of it, or what it said waits in its spool";
}

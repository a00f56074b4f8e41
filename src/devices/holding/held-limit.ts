import type { PointValue } from "../../points/index.ts";
import { recordOf } from "../../storage/saved-record.ts";
import { MAX_MINUTES } from "../command-checks.ts";

/**
 * `sent`: a write that sets or clears it is being sent. `in_force`: the device accepted it. `unknown`: the answer to the
 * last write was lost, so it is not known whether it is in force; it counts as the bridge's own until it is. `ended`: it is
 * no longer in force.
 */
export type LimitState = "sent" | "in_force" | "unknown" | "ended";

/** A limit that this bridge wrote and that stays in force in the device. Kept across restarts; times are wall clock, in ms. */
export interface HeldLimit {
  readonly device: string;
  readonly point: string;
  /** The driver's name of the place: limits of a device with the same key replace each other. */
  readonly key: string;
  readonly value: PointValue;
  readonly requester: string;
  readonly state: LimitState;
  readonly stateSince: number;
  /** For one that is `sent` or `unknown`: whether the write clears it. */
  readonly clearing?: boolean;
  readonly setAt: number;
  /** When the device ends it by itself; absent: never. */
  readonly endsAt?: number;
  /** Duration of its lease, which is renewed before it ends. Absent: it ends for good, as its sender wanted. */
  readonly leaseSeconds?: number;
  /** For a renewed lease: the number of renewals, and when its set point was first written. */
  readonly renewals?: number;
  readonly since?: number;
  /** Data that the driver keeps with it. */
  readonly detail?: PointValue;
  /** The limit before under the same key; kept until it is known which of the two is in force. */
  readonly before?: HeldLimit;
}

/** Records of earlier versions have no state: their limits were in force. */
export type SavedLimit = Omit<HeldLimit, "state" | "stateSince" | "before"> &
  Partial<Pick<HeldLimit, "state" | "stateSince">> & { readonly before?: SavedLimit };

const STATES: readonly unknown[] = ["sent", "in_force", "unknown", "ended", undefined];

export const isSavedLimit: (value: unknown) => value is SavedLimit = recordOf<SavedLimit>({
  device: "string",
  point: "string",
  key: "string",
  value: "value",
  requester: "string",
  state: (state) => STATES.includes(state),
  stateSince: "number?",
  clearing: "boolean?",
  setAt: "number",
  endsAt: "number?",
  leaseSeconds: "number?",
  renewals: "number?",
  since: "number?",
  detail: "value?",
  before: (before) => before === undefined || isSavedLimit(before),
});

const LONGEST_MS = MAX_MINUTES * 60_000;

/** Returns whether it ends later than any valid duration. */
export function isTooLong({ setAt, endsAt }: SavedLimit): boolean {
  return endsAt !== undefined && endsAt - setAt > LONGEST_MS;
}

export function shortened(saved: SavedLimit): SavedLimit {
  return { ...saved, endsAt: saved.setAt + LONGEST_MS };
}

export function idOf({ device, key }: Pick<HeldLimit, "device" | "key">): string {
  return JSON.stringify([device, key]);
}

/** Returns whether it is, or may be, in force. */
export function mayBeActive(
  limit: HeldLimit | undefined,
): limit is HeldLimit & { readonly state: Exclude<LimitState, "ended"> } {
  return limit !== undefined && limit.state !== "ended";
}

export function ended(limit: HeldLimit, now: number): HeldLimit {
  const { before: _, clearing: __, ...rest } = limit;
  return { ...rest, state: "ended", stateSince: now };
}

export function inForce(limit: HeldLimit, now: number): HeldLimit {
  return { ...ended(limit, now), state: "in_force" };
}

/** Returns the same limit after the wall clock was set by `ms`. */
export function shifted(limit: HeldLimit, ms: number): HeldLimit {
  const { endsAt, since, before } = limit;
  return {
    ...limit,
    setAt: limit.setAt + ms,
    stateSince: limit.stateSince + ms,
    ...(endsAt !== undefined && { endsAt: endsAt + ms }),
    ...(since !== undefined && { since: since + ms }),
    ...(before && { before: shifted(before, ms) }),
  };
}

/** Time by which a clock may be set back before a stored time counts as in the future, in milliseconds. */
const CLOCK_TOLERANCE_MS = 60_000;

/** Returns whether a stored time is later than now: the clock is behind, as after a power cut without a battery. */
export function isFromFuture(noted: number, now: number): boolean {
  return now < noted - CLOCK_TOLERANCE_MS;
}

/**
 * Returns a limit of the last run for this one. If the clock `isBehind`, a lease starts again now, and a duration has the
 * rest that the clock shows, at most what was requested; whether either is still in force must be checked.
 */
export function takenUp(saved: SavedLimit, now: number, isBehind: boolean): HeldLimit {
  const { before, ...rest } = saved;
  const limit: HeldLimit = {
    ...rest,
    state: saved.state === "sent" ? "unknown" : (saved.state ?? "in_force"),
    stateSince: saved.stateSince ?? saved.setAt,
    ...(before && { before: takenUp(before, now, isBehind) }),
  };
  if (!isBehind || limit.state === "ended") return limit;
  const { setAt, endsAt, leaseSeconds } = limit;
  const lasts = endsAt === undefined ? undefined : endsAt - setAt;
  const left = leaseSeconds === undefined && lasts !== undefined ? Math.min(endsAt! - now, lasts) : lasts;
  return {
    ...limit,
    state: "unknown",
    stateSince: now,
    setAt: now,
    ...(left !== undefined && { endsAt: now + left }),
    ...(limit.since !== undefined && { since: Math.min(limit.since, now) }),
  };
}

/** Returns the limit's name for messages. */
export function describe({ device, point, value }: HeldLimit): string {
  return `the set point ${device}/${point} = ${JSON.stringify(value)}`;
}

/** Returns what happens to a limit that is no longer held. */
export function restOf({ endsAt }: HeldLimit): string {
  if (endsAt === undefined) return "It has no end and stays in force until it is cleared";
  return `It ends by itself at ${new Date(endsAt).toISOString()}`;
}

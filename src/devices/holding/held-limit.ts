import type { PointValue } from "../../points/index.ts";
import { recordOf } from "../../storage/saved-record.ts";
import { LONGEST_MINUTES } from "../command-checks.ts";

/**
 * `sent`: a write of it, or one that clears it, is on its way. `in_force`: the device took it. `unknown`: whether it is in
 * force is not known, because the answer to the last write was lost; it counts as the bridge's own until it is. `ended`: it
 * is not in force any more.
 */
export type LimitState = "sent" | "in_force" | "unknown" | "ended";

/** Something that this bridge wrote and that stays in force in the device. Kept across restarts; times are wall clock, in ms. */
export interface HeldLimit {
  readonly device: string;
  readonly point: string;
  /** The driver's name of the place: two limits of a device with the same key replace each other. */
  readonly key: string;
  readonly value: PointValue;
  readonly requester: string;
  readonly state: LimitState;
  readonly stateSince: number;
  /** Of one that is `sent` or `unknown`: the write was to clear it. */
  readonly clearing?: boolean;
  readonly setAt: number;
  /** When the device ends it by itself; absent: never. */
  readonly endsAt?: number;
  /** Renewed before it ends. Absent: it ends for good, as its sender wanted. */
  readonly leaseSeconds?: number;
  /** Of a lease that was renewed: how often, and when its set point was first written. */
  readonly renewals?: number;
  readonly since?: number;
  /** What the driver wants to know of it later. */
  readonly detail?: PointValue;
  /** What was in force under its key before; kept while it is not known which of the two is. */
  readonly before?: HeldLimit;
}

/** Records of earlier versions have no state: what they hold was in force. */
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

const LONGEST_MS = LONGEST_MINUTES * 60_000;

/** Whether it ends later than any duration can ask for. */
export function isTooLong({ setAt, endsAt }: SavedLimit): boolean {
  return endsAt !== undefined && endsAt - setAt > LONGEST_MS;
}

export function shortened(saved: SavedLimit): SavedLimit {
  return { ...saved, endsAt: saved.setAt + LONGEST_MS };
}

export function idOf({ device, key }: Pick<HeldLimit, "device" | "key">): string {
  return JSON.stringify([device, key]);
}

/** Whether it is in force, or may be. */
export function mayStand(
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

/** The same limit by a wall clock that was set by so much. */
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

/** A clock may be set back by so much before a stored time counts as from the future. */
const CLOCK_TOLERANCE_MS = 60_000;

/** Whether a time that was noted is later than now: the clock is behind, as after a power cut without a battery. */
export function isFromFuture(noted: number, now: number): boolean {
  return now < noted - CLOCK_TOLERANCE_MS;
}

/**
 * A limit of the last run as this one takes it up. By a clock that `isBehind`, a lease counts in full from now and a duration
 * as what the clock says is left of it, never more than was asked; whether either is still in force is to be looked at.
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

/** The limit as messages name it. */
export function describe({ device, point, value }: HeldLimit): string {
  return `the set point ${device}/${point} = ${JSON.stringify(value)}`;
}

/** What becomes of a limit that is not looked after any more. */
export function restOf({ endsAt }: HeldLimit): string {
  if (endsAt === undefined) return "It has no end and stays in force until it is cleared";
  return `It ends by itself at ${new Date(endsAt).toISOString()}`;
}

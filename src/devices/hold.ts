import type { PointValue } from "../points/index.ts";

/** Something that this bridge wrote and that stands in the device. Kept across restarts; times are wall clock, in ms. */
export interface Hold {
  readonly device: string;
  readonly point: string;
  /** Two holds of a device with the same key cannot stand together. */
  readonly key: string;
  readonly value: PointValue;
  readonly requester: string;
  readonly setAt: number;
  /** When the device ends it by itself; absent: never. */
  readonly endsAt?: number;
  /** Renewed before it ends. Absent: it ends for good, as its sender wanted. */
  readonly leaseSeconds?: number;
  /** Of a lease that was renewed: how often, and when its set point was first written. */
  readonly renewals?: number;
  readonly since?: number;
}

/** A clock may be set back by so much before a stored time counts as from another age. */
const CLOCK_TOLERANCE_MS = 60_000;

export function idOf({ device, key }: Pick<Hold, "device" | "key">): string {
  return JSON.stringify([device, key]);
}

/** The same hold by a wall clock that was set by so much. */
export function shifted(hold: Hold, ms: number): Hold {
  const { endsAt, since } = hold;
  return {
    ...hold,
    setAt: hold.setAt + ms,
    ...(endsAt !== undefined && { endsAt: endsAt + ms }),
    ...(since !== undefined && { since: since + ms }),
  };
}

/** Whether a hold of the last run can still stand. */
export function stateOf({ endsAt, setAt }: Hold, now: number): "standing" | "over" | "from another age" {
  if (endsAt === undefined) return "standing";
  if (now >= endsAt) return "over";
  return now < setAt - CLOCK_TOLERANCE_MS ? "from another age" : "standing";
}

/** What is said of a hold that ended. */
export function endOf(
  { leaseSeconds }: Hold,
  state: "over" | "from another age",
): { readonly severity: "info" | "warning"; readonly text: string } {
  if (state === "from another age")
    return {
      severity: "warning",
      text: "is given up: by the clock it was set in the future, so nobody can tell whether it still stands",
    };
  if (leaseSeconds === undefined) return { severity: "info", text: "has ended" };
  return { severity: "warning", text: "ran out and is not held any more; set it again" };
}

/** What becomes of a hold that nobody looks after any more. */
export function restOf({ endsAt }: Hold): string {
  if (endsAt === undefined) return "It has no end and stands until somebody clears it";
  return `It ends by itself at ${new Date(endsAt).toISOString()}`;
}

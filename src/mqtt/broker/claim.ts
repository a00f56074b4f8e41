/** `asking`: it is not known yet whether another bridge of this name runs. `standby`: one does, and this one only reads. */
export type Role = "asking" | "active" | "standby";

/** What a bridge says of itself when it asks and when it answers. */
export interface Claim {
  /** Random, for one run. */
  readonly id: string;
  /** Wall clock, in ms. */
  readonly startedAt: number;
  /** When it was made to take over; the latest counts. */
  readonly forcedAt?: number;
  readonly state: Role;
  readonly host: string;
  readonly pid: number;
}

const STATES: readonly Role[] = ["active", "asking", "standby"];

/** Below 0: `a` comes first. The order is total, so that any two bridges decide alike. */
export function compare(a: Claim, b: Claim): number {
  return (
    (b.forcedAt ?? 0) - (a.forcedAt ?? 0) ||
    STATES.indexOf(a.state) - STATES.indexOf(b.state) ||
    a.startedAt - b.startedAt ||
    (a.id < b.id ? -1 : 1)
  );
}

export function nameOf({ host, pid }: Claim): string {
  return `process ${pid} on ${host}`;
}

/** Undefined where it is none: anybody who may write to the topics can send anything. */
export function readClaim(from: unknown): Claim | undefined {
  const { id, startedAt, forcedAt, state, host, pid } = (from ?? {}) as Record<string, unknown>;
  const isName = (text: unknown): text is string => typeof text === "string" && /^[\w.-]{1,64}$/.test(text);
  if (!isName(id) || !isName(host) || !Number.isSafeInteger(pid) || !Number.isFinite(startedAt))
    return undefined;
  if (!STATES.includes(state as Role) || (forcedAt !== undefined && !Number.isFinite(forcedAt)))
    return undefined;
  return from as Claim;
}

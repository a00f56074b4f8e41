import type { OwnWrites } from "../../abilities.ts";
import type { DriverState } from "../../driver.ts";

export type ShedMode = "allowedLoad" | "percentShed";

/** A limit: kW for `allowedLoad`, percent for `percentShed`. */
export interface Limit {
  readonly mode: ShedMode;
  readonly value: number;
}

/** The whole station, or one of its ports. */
export type Target = string | undefined;

const NOTHING: OwnWrites = { get: () => undefined, active: () => [] };
const PORT = "port:";
/** Time within which the service shows a change, where `actuator.confirm_timeout` is not set, in seconds. */
const CONFIRM_SECONDS = 60;

/**
 * The limits that this bridge requested for one station, from its book of limits: the limit that `shedState` 1 applies
 * again, and how the bridge's own sheds are distinguished from those of other programs.
 */
export class OwnLimits {
  readonly #own: OwnWrites;
  /** The limits requested last, in the format of versions before the book of limits. */
  readonly #legacy: unknown;
  readonly #confirmMs: number;

  constructor(own: OwnWrites = NOTHING, legacy: unknown = null, confirmSeconds = CONFIRM_SECONDS) {
    this.#own = own;
    this.#legacy = legacy;
    this.#confirmMs = confirmSeconds * 1000;
  }

  /** Returns the limit requested last, in force or not. */
  last(target: Target): Limit | undefined {
    const detail = this.#own.get(keyOf(target))?.detail;
    if (isLimit(detail)) return detail;
    const before = (this.#legacy as Record<string, unknown> | null)?.[keyOf(target)];
    return isLimit(before) ? { mode: before.mode, value: before.value } : undefined;
  }

  /** Returns the limit that is, or may be, in force. */
  active(target: Target): Limit | undefined {
    return this.#own.get(keyOf(target))?.active ? this.last(target) : undefined;
  }

  /**
   * Returns whether a limit of this bridge at a port, or of its whole station, ended so recently that the service may still
   * show it.
   */
  endedLately(port: string): boolean {
    const since = Date.now() - this.#confirmMs;
    return [keyOf(port), keyOf(undefined)].some((key) => (this.#own.get(key)?.endedAt ?? 0) > since);
  }

  /** Returns the whole minutes, at least 1, until the service ends the limit; 0: it never does; undefined: none is in force. */
  minutesLeft(target: Target): number | undefined {
    const write = this.#own.get(keyOf(target));
    if (!write?.active) return undefined;
    if (write.endsAt === undefined) return 0;
    return Math.max(1, Math.ceil((write.endsAt - Date.now()) / 60_000));
  }

  /** Returns the ports with a limit of their own. */
  activePorts(): string[] {
    return this.#own
      .active()
      .filter((key) => key.startsWith(PORT))
      .map((key) => key.slice(PORT.length));
  }
}

/** Returns the limits of a station as stored by versions before the book of limits. */
export function legacyLimits(state: DriverState, account: string, stationID: string): unknown {
  return state.get(`shed ${account} ${stationID}`);
}

/** Returns the key of a target's hold. */
export function keyOf(target: Target): string {
  return target === undefined ? "station" : `${PORT}${target}`;
}

/** Returns the keys of the holds that a write to the target ends: a write to a station ends those of all its `ports`. */
export function releasedBy(target: Target, own: OwnLimits, ports: readonly string[]): string[] {
  if (target !== undefined) return [keyOf(target)];
  return [keyOf(undefined), ...new Set([...own.activePorts(), ...ports].map(keyOf))];
}

export function describe(limit: Limit): string {
  return limit.mode === "allowedLoad" ? `${limit.value} kW` : `${limit.value} % shed`;
}

function isLimit(value: unknown): value is Limit {
  const { mode, value: number } = (value ?? {}) as Partial<Limit>;
  return (mode === "allowedLoad" || mode === "percentShed") && Number.isFinite(number);
}

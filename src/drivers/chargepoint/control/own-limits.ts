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

const NOTHING: OwnWrites = { get: () => undefined, standing: () => [] };
const PORT = "port:";
/** A cloud shows a change within this, where nothing else is set. */
const CONFIRM_SECONDS = 60;

/**
 * The limits that this bridge requested for one station, as its book of limits has them: what `shedState` 1 applies again,
 * and how its own shed is told from somebody else's.
 */
export class OwnLimits {
  readonly #own: OwnWrites;
  /** The limits requested last, as versions before the book of limits kept them. */
  readonly #legacy: unknown;
  readonly #confirmMs: number;

  constructor(own: OwnWrites = NOTHING, legacy: unknown = null, confirmSeconds = CONFIRM_SECONDS) {
    this.#own = own;
    this.#legacy = legacy;
    this.#confirmMs = confirmSeconds * 1000;
  }

  /** The limit requested last, in force or not. */
  last(target: Target): Limit | undefined {
    const detail = this.#own.get(keyOf(target))?.detail;
    if (isLimit(detail)) return detail;
    const before = (this.#legacy as Record<string, unknown> | null)?.[keyOf(target)];
    return isLimit(before) ? { mode: before.mode, value: before.value } : undefined;
  }

  /** The limit that is in force, or may be. */
  standing(target: Target): Limit | undefined {
    return this.#own.get(keyOf(target))?.standing ? this.last(target) : undefined;
  }

  /** Whether a limit of this bridge at a port, or of its whole station, has ended so lately that the service may show it still. */
  endedLately(port: string): boolean {
    const since = Date.now() - this.#confirmMs;
    return [keyOf(port), keyOf(undefined)].some((key) => (this.#own.get(key)?.endedAt ?? 0) > since);
  }

  /** Whole minutes, at least 1, until the service ends the limit; 0: it never does; undefined: none is in force. */
  minutesLeft(target: Target): number | undefined {
    const write = this.#own.get(keyOf(target));
    if (!write?.standing) return undefined;
    if (write.endsAt === undefined) return 0;
    return Math.max(1, Math.ceil((write.endsAt - Date.now()) / 60_000));
  }

  /** Ports with a limit of their own. */
  standingPorts(): string[] {
    return this.#own
      .standing()
      .filter((key) => key.startsWith(PORT))
      .map((key) => key.slice(PORT.length));
  }
}

/** The limits of a station as versions before the book of limits kept them. */
export function legacyLimits(state: DriverState, account: string, stationID: string): unknown {
  return state.get(`shed ${account} ${stationID}`);
}

/** The key of a target's hold. */
export function keyOf(target: Target): string {
  return target === undefined ? "station" : `${PORT}${target}`;
}

/** Keys of the holds that a write to the target ends, or would: a station's write ends those of all its `ports`. */
export function releasedBy(target: Target, own: OwnLimits, ports: readonly string[]): string[] {
  if (target !== undefined) return [keyOf(target)];
  return [keyOf(undefined), ...new Set([...own.standingPorts(), ...ports].map(keyOf))];
}

export function describe(limit: Limit): string {
  return limit.mode === "allowedLoad" ? `${limit.value} kW` : `${limit.value} % shed`;
}

function isLimit(value: unknown): value is Limit {
  const { mode, value: number } = (value ?? {}) as Partial<Limit>;
  return (mode === "allowedLoad" || mode === "percentShed") && Number.isFinite(number);
}

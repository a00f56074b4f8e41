import type { PointValue } from "../../../points/index.ts";
import type { DriverState } from "../../driver.ts";

export type ShedMode = "allowedLoad" | "percentShed";

/** A limit: kW for `allowedLoad`, percent for `percentShed`. */
export interface Limit {
  readonly mode: ShedMode;
  readonly value: number;
}

/** The whole station, or one of its ports. */
export type Target = string | undefined;

interface Remembered extends Limit {
  /** Whether it still stands, as far as this bridge did: false after it was cleared here. */
  readonly standing: boolean;
  /** When the service ends it, milliseconds since 1970; absent: never, or not known. */
  readonly until?: number;
}

/**
 * The limits that this bridge requested for one station, on disk: what `shedState` 1 applies again, and how its own
 * shed is told from somebody else's.
 */
export class OwnSheds {
  readonly #state: DriverState;
  readonly #key: string;
  readonly #now: () => number;

  constructor(state: DriverState, account: string, stationID: string, now = () => Date.now()) {
    this.#state = state;
    this.#key = `shed ${account} ${stationID}`;
    this.#now = now;
  }

  /** The limit requested last, standing or not. */
  last(target: Target): Limit | undefined {
    return this.#read()[nameOf(target)];
  }

  standing(target: Target): Limit | undefined {
    const remembered = this.#read()[nameOf(target)];
    return remembered?.standing ? remembered : undefined;
  }

  /** Whole minutes, at least 1, until the service ends the standing limit; 0: it never does; undefined: none stands. */
  minutesLeft(target: Target): number | undefined {
    const remembered = this.#read()[nameOf(target)];
    if (!remembered?.standing) return undefined;
    if (remembered.until === undefined) return 0;
    return Math.max(1, Math.ceil((remembered.until - this.#now()) / 60_000));
  }

  /** Ports with a standing limit of their own. */
  standingPorts(): string[] {
    return Object.entries(this.#read())
      .filter(([name, limit]) => name.startsWith("port:") && limit.standing)
      .map(([name]) => name.slice("port:".length));
  }

  /** A limit was taken, or may have been. One of the whole station takes the place of its ports' limits. */
  requested(target: Target, limit: Limit, minutes: number): void {
    const all = this.#read();
    const until = minutes === 0 ? {} : { until: this.#now() + minutes * 60_000 };
    const noted = { mode: limit.mode, value: limit.value, standing: true, ...until };
    this.#write({ ...(target === undefined ? lapsed(all) : all), [nameOf(target)]: noted });
  }

  cleared(target: Target): void {
    const all = this.#read();
    const own = all[nameOf(target)];
    if (target === undefined) this.#write(lapsed(all));
    else if (own) this.#write({ ...all, [nameOf(target)]: { ...own, standing: false } });
  }

  #read(): Record<string, Remembered> {
    return (this.#state.get(this.#key) ?? {}) as unknown as Record<string, Remembered>;
  }

  #write(limits: Record<string, Remembered>): void {
    this.#state.set(this.#key, limits as unknown as PointValue);
  }
}

/** Name of a target in the store, and the key of its hold. */
export function nameOf(target: Target): string {
  return target === undefined ? "station" : `port:${target}`;
}

/** Keys of the holds that a write to the target ends: a station's write ends those of all its ports. */
export function releasedBy(target: Target, own: OwnSheds): string[] {
  return target === undefined ? [nameOf(undefined), ...own.standingPorts().map(nameOf)] : [nameOf(target)];
}

export function describe(limit: Limit): string {
  return limit.mode === "allowedLoad" ? `${limit.value} kW` : `${limit.value} % shed`;
}

function lapsed(limits: Record<string, Remembered>): Record<string, Remembered> {
  return Object.fromEntries(
    Object.entries(limits).map(([name, limit]) => [name, { ...limit, standing: false }]),
  );
}

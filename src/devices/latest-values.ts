import type { Bus } from "../bus.ts";
import type {
  Availability,
  AvailabilityChange,
  DeviceInfo,
  PointValue,
  Scrape,
  Write,
} from "../points/index.ts";
import type { Clock } from "./clock.ts";

/** So many scrapes in a row that failed as a whole make a device offline. */
const MISSES_UNTIL_OFFLINE = 3;
const INTERVALS_UNTIL_STALE = 3;

interface LatestValue {
  readonly value: PointValue;
  /** When it was read. */
  readonly at: Date;
}

/** What is known of a device. A point that was never read is not in `values`. */
export interface DeviceState {
  readonly device: DeviceInfo;
  readonly availability: Availability;
  readonly since: Date;
  /** Why it is not online; absent when it is. */
  readonly reason?: string;
  /** When the last good scrape was taken; absent before the first. */
  readonly observedAt?: Date;
  readonly values: ReadonlyMap<string, LatestValue>;
  /** Points that the last good scrape could not read, with the reason. Their last values stay in `values`. */
  readonly failures: ReadonlyMap<string, string>;
}

/** One object a point for good: a fleet has a million of them, and new values every minute. */
type Changing = { -readonly [K in keyof LatestValue]: LatestValue[K] };

interface Known {
  readonly device: DeviceInfo;
  availability: Availability;
  since: Date;
  reason: string | undefined;
  announced: boolean;
  misses: number;
  observedAt: Date | undefined;
  /** By the monotonic clock. */
  goodAt: number | undefined;
  readonly values: Map<string, Changing>;
  failures: ReadonlyMap<string, string>;
}

/** The newest value of every point, and each device's availability, which is announced on the bus when it changes. */
export class LatestValues {
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #known: Map<string, Known>;
  readonly #count = { online: 0, stale: 0, offline: 0 };

  constructor(devices: readonly DeviceInfo[], bus: Bus, clock: Clock) {
    this.#bus = bus;
    this.#clock = clock;
    this.#known = new Map();
    for (const device of devices) this.add(device);
  }

  add(device: DeviceInfo): void {
    const before = this.#known.get(device.path);
    if (before) this.#count[before.availability]--;
    this.#known.set(device.path, unknownYet(device, new Date(this.#clock.now())));
    this.#count.offline++;
  }

  /** The device is gone: it is announced as offline for this reason, and forgotten. */
  remove(path: string, reason: string): void {
    const known = this.#known.get(path);
    if (!known) return;
    this.#become(known, "offline", reason);
    this.#known.delete(path);
    this.#count[known.availability]--;
  }

  /** Undefined where there is no such device. */
  get(path: string): DeviceState | undefined {
    const known = this.#known.get(path);
    return known && state(known);
  }

  /** Undefined where it was never read. */
  value(path: string, point: string): LatestValue | undefined {
    return this.#known.get(path)?.values.get(point);
  }

  /** What was read back after a write is the newest that is known of its point. */
  written({ device, point, readBack }: Write): void {
    if (point === undefined || readBack === undefined) return;
    this.#known.get(device.path)?.values.set(point, { value: readBack, at: new Date(this.#clock.now()) });
  }

  all(): DeviceState[] {
    return [...this.#known.values()].map(state);
  }

  /** Devices by availability. */
  count(): Record<Availability, number> {
    return { ...this.#count };
  }

  scraped(scrape: Scrape): void {
    const known = this.#known.get(scrape.device.path);
    if (!known) return;
    known.misses = 0;
    known.goodAt = this.#clock.monotonic();
    known.observedAt = scrape.takenAt;
    known.failures = scrape.failures;
    const at = scrape.takenAt;
    for (const [point, value] of scrape.values) {
      const latest = known.values.get(point);
      if (latest) {
        latest.value = value;
        latest.at = at;
      } else known.values.set(point, { value, at });
    }
    this.#become(known, "online");
  }

  /** A scrape failed as a whole. */
  missed(path: string, reason: string): void {
    const known = this.#known.get(path);
    if (!known) return;
    known.misses++;
    if (known.goodAt === undefined || known.misses >= MISSES_UNTIL_OFFLINE)
      this.#become(known, "offline", reason);
    else this.check(path, reason);
  }

  /** Makes an online device stale when its last good scrape is too old. */
  check(path: string, reason: string): void {
    const known = this.#known.get(path);
    if (known?.availability !== "online" || known.goodAt === undefined) return;
    const age = this.#clock.monotonic() - known.goodAt;
    if (age > INTERVALS_UNTIL_STALE * known.device.intervalSeconds * 1000)
      this.#become(known, "stale", reason);
  }

  #become(known: Known, availability: Availability, reason?: string): void {
    known.reason = reason;
    if (known.announced && known.availability === availability) return;
    if (known.availability !== availability) known.since = new Date(this.#clock.now());
    this.#count[known.availability]--;
    this.#count[availability]++;
    known.availability = availability;
    known.announced = true;
    const { device, since } = known;
    const change: AvailabilityChange = {
      device,
      availability,
      since,
      ...(reason !== undefined && { reason }),
    };
    this.#bus.emit("availability", change);
  }
}

function unknownYet(device: DeviceInfo, since: Date): Known {
  return {
    device,
    availability: "offline",
    since,
    reason: "not read yet",
    announced: false,
    misses: 0,
    observedAt: undefined,
    goodAt: undefined,
    values: new Map(),
    failures: new Map(),
  };
}

function state(known: Known): DeviceState {
  const { device, availability, since, reason, observedAt, values, failures } = known;
  return {
    device,
    availability,
    since,
    ...(reason !== undefined && { reason }),
    ...(observedAt !== undefined && { observedAt }),
    values,
    failures,
  };
}

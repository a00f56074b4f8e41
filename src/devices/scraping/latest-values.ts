import type { Bus } from "../../bus.ts";
import type {
  Availability,
  AvailabilityChange,
  DeviceInfo,
  PointValue,
  Scrape,
  Write,
} from "../../points/index.ts";
import type { Clock } from "../../time/clock.ts";

/** Number of consecutive failed scrapes after which a device is reported offline. */
const MISSES_UNTIL_OFFLINE = 3;
const INTERVALS_UNTIL_STALE = 3;

interface LatestValue {
  readonly value: PointValue;
  /** When it was read. */
  readonly at: Date;
}

/** The known state of a device. A point that was never read is not in `values`. */
export interface DeviceState {
  readonly device: DeviceInfo;
  readonly availability: Availability;
  readonly since: Date;
  /** Why it is not online; absent when it is. */
  readonly reason?: string;
  /** When the values of the last successful scrape were read; absent before the first. */
  readonly observedAt?: Date;
  readonly values: ReadonlyMap<string, LatestValue>;
  /** Points that the last successful scrape could not read, with the reason. Their last values stay in `values`. */
  readonly failures: ReadonlyMap<string, string>;
}

/** The state of a device without its values, of which a fleet has a million. */
export interface DeviceSummary extends Pick<DeviceState, "device" | "availability" | "observedAt"> {
  /** Whether the last successful scrape is not older than three intervals. */
  readonly isRecent: boolean;
}

/**
 * The stored state of a device. A fleet has a million values, replaced every minute: one array with a place for each, most
 * of them from one scrape.
 */
interface Known {
  readonly device: DeviceInfo;
  availability: Availability;
  since: Date;
  reason: string | undefined;
  isUnreachable: boolean;
  announced: boolean;
  misses: number;
  observedAt: Date | undefined;
  /** On the monotonic clock. */
  goodAt: number | undefined;
  /** In the order of the device's points; undefined where a point was never read. */
  readonly values: (PointValue | undefined)[];
  /** Read times of values that are not from the last successful scrape. */
  others: Map<string, Date> | undefined;
  failures: ReadonlyMap<string, string>;
}

/** The latest value of every point, and each device's availability, whose changes are announced on the bus. */
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

  /** Replaces a device by one with the same path. It keeps its availability, and the values of points that stay as they are. */
  replace(device: DeviceInfo): void {
    const before = this.#known.get(device.path);
    if (!before) {
      this.add(device);
      return;
    }
    const points = [...device.points.values()];
    const places = placesOf(before.device);
    const values = points.map(({ name, type }) => {
      const isSame = before.device.points.get(name)?.type === type;
      return isSame ? before.values[places.get(name)!] : undefined;
    });
    this.#known.set(device.path, { ...before, device, values });
  }

  /** Announces a removed device as offline for this reason, and forgets it. */
  remove(path: string, reason: string): void {
    const known = this.#known.get(path);
    if (!known) return;
    this.#become(known, "offline", reason);
    this.#known.delete(path);
    this.#count[known.availability]--;
  }

  /** Announces a paused device as offline for this reason, also where it was offline before. */
  paused(path: string, reason: string): void {
    const known = this.#known.get(path);
    if (!known) return;
    known.announced = false;
    known.goodAt = undefined;
    known.since = new Date(this.#clock.now());
    this.#become(known, "offline", reason);
  }

  /** Called when a device is resumed: the outcome of its next scrape is announced. */
  resumed(path: string): void {
    const known = this.#known.get(path);
    if (!known) return;
    known.announced = false;
    known.reason = "not read since it was resumed";
  }

  /** Returns undefined where there is no such device. */
  get(path: string): DeviceState | undefined {
    const known = this.#known.get(path);
    return known && state(known);
  }

  /** Returns undefined where it was never read. */
  value(path: string, point: string): LatestValue | undefined {
    const known = this.#known.get(path);
    return known && latestOf(known, point);
  }

  /** Stores the value read back after a write: it is the latest of its point. */
  written({ device, point, readBack }: Write): void {
    if (point === undefined || readBack === undefined) return;
    const known = this.#known.get(device.path);
    const place = known && placesOf(known.device).get(point);
    if (known === undefined || place === undefined) return;
    known.values[place] = readBack;
    known.others ??= new Map();
    known.others.set(point, new Date(this.#clock.now()));
  }

  all(): DeviceState[] {
    return [...this.#known.values()].map(state);
  }

  *summaries(): Generator<DeviceSummary> {
    for (const known of this.#known.values()) {
      const { device, availability, observedAt } = known;
      yield { device, availability, observedAt, isRecent: this.#isRecent(known) };
    }
  }

  /** Counts the devices by availability. */
  count(): Record<Availability, number> {
    return { ...this.#count };
  }

  scraped(scrape: Scrape): void {
    const known = this.#known.get(scrape.device.path);
    if (!known) return;
    known.misses = 0;
    known.goodAt = this.#clock.monotonic();
    let others: Map<string, Date> | undefined;
    let place = -1;
    for (const point of known.device.points.keys()) {
      const value = scrape.values.get(point);
      const before = known.values[++place];
      if (value !== undefined) {
        // Unchanged values are kept: a new object for each would soon be an old one, for V8 to collect among all others.
        if (value !== before) known.values[place] = value;
      } else if (before !== undefined) {
        others ??= new Map();
        others.set(point, timeOf(known, point));
      }
    }
    known.others = others;
    known.observedAt = scrape.observedAt ?? scrape.takenAt;
    known.failures = scrape.failures;
    if (scrape.unreachable === undefined) this.#become(known, "online");
    else this.#become(known, "offline", scrape.unreachable, true);
  }

  /** Called when a scrape failed as a whole. */
  missed(path: string, reason: string): void {
    const known = this.#known.get(path);
    if (!known) return;
    known.misses++;
    if (known.goodAt === undefined || known.misses >= MISSES_UNTIL_OFFLINE)
      this.#become(known, "offline", reason);
    else this.check(path, reason);
  }

  /** Makes an online device stale when its last successful scrape is too old. */
  check(path: string, reason: string): void {
    const known = this.#known.get(path);
    if (known?.availability !== "online" || known.goodAt === undefined) return;
    if (!this.#isRecent(known)) this.#become(known, "stale", reason);
  }

  #isRecent({ goodAt, device }: Known): boolean {
    if (goodAt === undefined) return false;
    return this.#clock.monotonic() - goodAt <= INTERVALS_UNTIL_STALE * device.intervalSeconds * 1000;
  }

  #become(known: Known, availability: Availability, reason?: string, isUnreachable = false): void {
    known.reason = reason;
    // Whose fault it is that a device is offline is a change too.
    const isSame = known.availability === availability && known.isUnreachable === isUnreachable;
    if (known.announced && isSame) return;
    known.isUnreachable = isUnreachable;
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
      ...(isUnreachable && { isUnreachable }),
    };
    this.#bus.emit("availability", change);
  }
}

const NONE: Known["failures"] = new Map();

function unknownYet(device: DeviceInfo, since: Date): Known {
  return {
    device,
    availability: "offline",
    since,
    reason: "not read yet",
    isUnreachable: false,
    announced: false,
    misses: 0,
    observedAt: undefined,
    goodAt: undefined,
    values: new Array<undefined>(device.points.size).fill(undefined),
    others: undefined,
    failures: NONE,
  };
}

/** Places of a registry's points, created at the first use and shared by its devices. */
const places = new WeakMap<DeviceInfo["points"], ReadonlyMap<string, number>>();

function placesOf({ points }: DeviceInfo): ReadonlyMap<string, number> {
  const known = places.get(points);
  if (known) return known;
  const made = new Map<string, number>();
  for (const name of points.keys()) made.set(name, made.size);
  places.set(points, made);
  return made;
}

function latestOf(known: Known, point: string): LatestValue | undefined {
  const place = placesOf(known.device).get(point);
  return place === undefined ? undefined : latestAt(known, point, place);
}

function latestAt(known: Known, point: string, place: number): LatestValue | undefined {
  const value = known.values[place];
  return value === undefined ? undefined : { value, at: timeOf(known, point) };
}

/** Returns the read time of a value that exists. */
function timeOf({ others, observedAt }: Known, point: string): Date {
  return others?.get(point) ?? observedAt!;
}

function valuesOf(known: Known): Map<string, LatestValue> {
  const values = new Map<string, LatestValue>();
  let place = 0;
  for (const point of known.device.points.keys()) {
    const value = latestAt(known, point, place++);
    if (value) values.set(point, value);
  }
  return values;
}

function state(known: Known): DeviceState {
  const { device, availability, since, reason, observedAt, failures } = known;
  return {
    device,
    availability,
    since,
    ...(reason !== undefined && { reason }),
    ...(observedAt !== undefined && { observedAt }),
    values: valuesOf(known),
    failures,
  };
}

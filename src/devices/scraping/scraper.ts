import type { ReadingSink } from "../../drivers/abilities.ts";
import type { Reading } from "../../drivers/driver.ts";
import type { DeviceInfo, PointValue, Scrape } from "../../points/index.ts";
import type { Clock } from "../../time/clock.ts";
import type { Device } from "../device.ts";

/** Reads a device once and converts the reading into a scrape. */
export class Scraper {
  readonly #clock: Clock;
  readonly #heartbeats = new Map<string, 0 | 1>();
  /** Time of the last scrape, shared by devices read in the same millisecond. */
  #takenAt = new Date(Number.NaN);
  /** Time of the last scrape with cached values; a page of a fleet has one time. */
  #observedAt = new Date(Number.NaN);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Rejects where nothing could be read. */
  async scrape(device: Device, synchronizedAt: Date, signal: AbortSignal): Promise<Scrape> {
    const reading = await new Promise<Reading>((read, failed) =>
      this.begin(device, { read, failed }, signal),
    );
    return this.scrapeOf(device, synchronizedAt, reading);
  }

  /** Reads without a promise: a fleet has thousands of waiting scrapes at the same time. */
  begin({ driver }: Device, sink: ReadingSink, signal: AbortSignal): void {
    if (driver.scrapeInto) driver.scrapeInto(sink, signal);
    else
      (async () => driver.scrapeAll(signal))().then(
        (reading) => sink.read(reading),
        (error: unknown) => sink.failed(error),
      );
  }

  /** Throws where nothing could be read. */
  scrapeOf(device: Device, synchronizedAt: Date, reading: Reading): Scrape {
    const now = this.#clock.now();
    if (this.#takenAt.getTime() !== now) this.#takenAt = new Date(now);
    const takenAt = this.#takenAt;
    const virtual = device.heartbeat?.kind === "virtual" ? device.heartbeat.point : undefined;
    const { points } = device.info;
    const { noLimit, unreachable, alarms } = reading;
    const observedAt = this.#observed(reading, now);
    const scraped = {
      device: device.info,
      synchronizedAt,
      takenAt,
      observedAt,
      noLimit,
      unreachable,
      alarms,
    };
    if (virtual === undefined && isWhole(reading, points))
      return { ...scraped, values: reading.values, failures: NONE };
    const values = new Map<string, PointValue>();
    const failures = new Map<string, string>();
    for (const name of points.keys()) {
      if (name === virtual) continue;
      const error = reading.failures.get(name);
      const value = reading.values.get(name);
      if (error) failures.set(name, error.message);
      else if (value === undefined) failures.set(name, "the driver neither read it nor said why not");
      else if (typeof value === "number" && !Number.isFinite(value))
        failures.set(name, `${value} is no number`);
      else values.set(name, value);
    }
    if (values.size === 0 && failures.size > 0)
      throw new Error(`no point could be read: ${[...new Set(failures.values())].slice(0, 3).join("; ")}`);
    if (virtual !== undefined) values.set(virtual, this.#beat(device.info.path));
    return { ...scraped, values, failures };
  }

  #observed({ ageSeconds }: Reading, now: number): Date | undefined {
    if (ageSeconds === undefined) return undefined;
    const at = Math.round(now - ageSeconds * 1000);
    if (this.#observedAt.getTime() !== at) this.#observedAt = new Date(at);
    return this.#observedAt;
  }

  /** Called when the device is removed. */
  forget(path: string): void {
    this.#heartbeats.delete(path);
  }

  #beat(path: string): 0 | 1 {
    const next = this.#heartbeats.get(path) === 1 ? 0 : 1;
    this.#heartbeats.set(path, next);
    return next;
  }
}

const NONE: Scrape["failures"] = new Map();

/** Returns whether the reading has exactly the points, in their order, and no failure: then its values are used unchanged. */
function isWhole({ values, failures }: Reading, points: DeviceInfo["points"]): boolean {
  if (failures.size > 0 || values.size !== points.size) return false;
  const names = namesOf(points);
  let place = 0;
  let whole = true;
  values.forEach((value, name) => {
    if (name !== names[place++] || value === undefined) whole = false;
    else if (typeof value === "number" && !Number.isFinite(value)) whole = false;
  });
  return whole;
}

/** Point names, shared by devices of one registry. */
const known = new WeakMap<DeviceInfo["points"], readonly string[]>();

function namesOf(points: DeviceInfo["points"]): readonly string[] {
  const names = known.get(points) ?? [...points.keys()];
  known.set(points, names);
  return names;
}

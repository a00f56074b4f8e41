import { setTimeout } from "node:timers/promises";
import type { Bus } from "../../bus.ts";
import type { Historian } from "../../historian/index.ts";
import { type DeviceInfo, portsOf, type Scrape } from "../../points/index.ts";

/** Length of a step, in milliseconds, and number of steps kept: one hour. */
export const STEP_MS = 120_000;
export const STEPS = 30;

/** Devices whose values are read from the store at once, and the pause after them, in milliseconds: scrapes come first. */
const DEVICES_A_READ = 25;
const PAUSE_MS = 50;
/** Values of a point that are read: an hour of one every three seconds. */
const VALUES_A_POINT = 1200;

/** Means of the steps of the last hour, the oldest first; null where nothing was read. */
export type HourOfLoad = (number | null)[];

/**
 * The load of every port in the last hour, in memory: the curve beside a port and the curve of the whole site, also without a store.
 * It begins with the start of the bridge; {@link fill} adds what the store has of the time before.
 */
export class LastHour {
  readonly #devices = new Map<string, DeviceHour>();
  readonly #now: () => Date;
  readonly #unsubscribe: (() => void)[];

  constructor(bus: Bus, now: () => Date) {
    this.#now = now;
    this.#unsubscribe = [
      bus.on("scrape", (scrape) => this.#note(scrape)),
      bus.on("membership", ({ device, change }) => {
        if (change !== "added" && change !== "changed") this.#devices.delete(device.path);
      }),
    ];
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  /** Adds the values of the store from before now, a few devices at a time. Rejects where the store fails, or when `signal` is aborted. */
  async fill(historian: Historian, devices: readonly DeviceInfo[], signal: AbortSignal): Promise<void> {
    const end = this.#now();
    const range = { start: new Date(end.getTime() - STEPS * STEP_MS), end, order: "LAST_TO_FIRST" };
    for (let at = 0; at < devices.length; at += DEVICES_A_READ) {
      await setTimeout(PAUSE_MS, undefined, { signal, ref: false });
      const topics = new Map(
        devices
          .slice(at, at + DEVICES_A_READ)
          .flatMap((device) =>
            loadsOf(device).map((load) => [`${device.path}/${load.point}`, { device, ...load }]),
          ),
      );
      const query = { topic: [...topics.keys()], ...range, count: VALUES_A_POINT };
      const { values } = await historian.query(query, signal);
      for (const [topic, { device, port }] of topics)
        for (const [time, value] of values[topic] ?? [])
          if (typeof value === "number")
            this.#ring(device.path, port).addEarlier(this.#step(), stepOf(new Date(time)), value);
    }
  }

  /** End of the step that is under way: the last one of every curve. */
  get endsAt(): Date {
    return new Date((this.#step() + 1) * STEP_MS);
  }

  /** Returns the load of each port of a device; empty for one that was never read. */
  ports(path: string): { readonly port: string; readonly loadKw: HourOfLoad }[] {
    const step = this.#step();
    const ports = this.#devices.get(path)?.ports ?? [];
    return [...ports].map(([port, ring]) => ({ port, loadKw: ring.values(step) }));
  }

  /** Returns the load of all devices together: of each step in which something was read. */
  total(): HourOfLoad {
    const step = this.#step();
    const total: HourOfLoad = Array.from({ length: STEPS }, () => null);
    for (const { station, ports } of this.#devices.values())
      for (const ring of station ? [station] : ports.values())
        for (const [index, value] of ring.values(step).entries())
          if (value !== null) total[index] = (total[index] ?? 0) + value;
    return total;
  }

  #step(): number {
    return stepOf(this.#now());
  }

  #note({ device, values }: Scrape): void {
    const step = this.#step();
    for (const { port, point } of loadsOf(device)) {
      const value = values.get(point);
      if (typeof value === "number") this.#ring(device.path, port).add(step, value);
    }
  }

  /** Returns the curve of a port, or of the station itself. */
  #ring(path: string, port: string | undefined): Ring {
    const hour = this.#devices.get(path) ?? { station: undefined, ports: new Map<string, Ring>() };
    this.#devices.set(path, hour);
    if (port === undefined) {
      hour.station ??= new Ring();
      return hour.station;
    }
    const ring = hour.ports.get(port) ?? new Ring();
    hour.ports.set(port, ring);
    return ring;
  }
}

function stepOf(time: Date): number {
  return Math.floor(time.getTime() / STEP_MS);
}

/** Returns the points with the load of the station itself, without a port, and of its ports. */
function loadsOf({ points }: DeviceInfo): { readonly port: string | undefined; readonly point: string }[] {
  const { station, ports } = portsOf(points);
  const ofPorts = ports.filter(({ port }) => port !== undefined);
  return [{ ...station, port: undefined }, ...ofPorts].flatMap(({ port, load }) =>
    load === undefined ? [] : [{ port, point: load }],
  );
}

interface DeviceHour {
  /** The station's own load, where it has one: it counts for the total instead of the sum of its ports. */
  station: Ring | undefined;
  readonly ports: Map<string, Ring>;
}

/** Sums and counts of the last steps. */
class Ring {
  readonly #sums = new Float32Array(STEPS);
  readonly #counts = new Uint16Array(STEPS);
  #last = 0;

  add(step: number, value: number): void {
    this.#advance(step);
    const place = step % STEPS;
    this.#sums[place]! += value;
    this.#counts[place]!++;
  }

  /** Adds a value of a step before `now`, or of it. */
  addEarlier(now: number, step: number, value: number): void {
    this.#advance(now);
    if (step > now || now - step >= STEPS) return;
    this.#sums[step % STEPS]! += value;
    this.#counts[step % STEPS]!++;
  }

  values(step: number): HourOfLoad {
    this.#advance(step);
    return Array.from({ length: STEPS }, (_, index) => {
      const place = (step + 1 + index) % STEPS;
      const count = this.#counts[place]!;
      return count === 0 ? null : Math.round((this.#sums[place]! / count) * 1000) / 1000;
    });
  }

  /** Empties the steps since the last one; also those that a clock which was set back has seen already. */
  #advance(step: number): void {
    const passed = step < this.#last ? STEPS : Math.min(step - this.#last, STEPS);
    for (let index = 0; index < passed; index++) {
      this.#sums[(step - index) % STEPS] = 0;
      this.#counts[(step - index) % STEPS] = 0;
    }
    this.#last = step;
  }
}

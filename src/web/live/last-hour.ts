import type { Bus } from "../../bus.ts";
import { portsOf, type Scrape } from "../../points/index.ts";

/** Length of a step, in milliseconds, and number of steps kept: one hour. */
export const STEP_MS = 120_000;
export const STEPS = 30;

/** Means of the steps of the last hour, the oldest first; null where nothing was read. */
export type HourOfLoad = (number | null)[];

/**
 * The load of every port in the last hour, in memory: the curve beside a port and the curve of the whole site, also without a store.
 * It begins with the start of the bridge.
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
        if (change === "gone" || change === "forgotten") this.#devices.delete(device.path);
      }),
    ];
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
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
    return Math.floor(this.#now().getTime() / STEP_MS);
  }

  #note({ device, values }: Scrape): void {
    const { station, ports } = portsOf(device.points);
    const step = this.#step();
    let hour = this.#devices.get(device.path);
    if (!hour) {
      hour = { station: undefined, ports: new Map() };
      this.#devices.set(device.path, hour);
    }
    const own = station.load === undefined ? undefined : values.get(station.load);
    if (typeof own === "number") {
      hour.station ??= new Ring();
      hour.station.add(step, own);
    }
    for (const { port, load } of ports) {
      const value = load === undefined ? undefined : values.get(load);
      if (typeof value !== "number" || port === undefined) continue;
      let ring = hour.ports.get(port);
      if (!ring) {
        ring = new Ring();
        hour.ports.set(port, ring);
      }
      ring.add(step, value);
    }
  }
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

import {
  type DeviceInfo,
  hasChanged,
  type Point,
  type PointValue,
  type StorePolicy,
} from "../../points/index.ts";
import { HOUR } from "../time.ts";

/** Index of each point that is stored on change, by name. */
type Indexes = ReadonlyMap<string, number>;

const NONE: Indexes = new Map();

/**
 * Decides which values of points are stored that are stored on change: those that differ from the one stored before, and the first of
 * each hour (UTC), so that no question about an hour has to look before it.
 */
export class Changes {
  /** Devices of one registry share them. */
  readonly #indexes = new WeakMap<ReadonlyMap<string, Point>, Map<StorePolicy | undefined, Indexes>>();
  readonly #devices = new Map<string, DeviceChanges>();

  /** Returns the state of a device for a scrape of this time; undefined where every value is stored. */
  of(device: DeviceInfo, time: number): DeviceChanges | undefined {
    const indexes = this.#indexesOf(device);
    if (indexes === NONE) return undefined;
    let state = this.#devices.get(device.path);
    // After a reload the points may be others, or their units.
    if (state?.indexes !== indexes) {
      state = new DeviceChanges(indexes);
      this.#devices.set(device.path, state);
    }
    state.begin(time);
    return state;
  }

  /** Makes the next scrape of a device store every value: it was removed, or its values were not kept. */
  forget(path: string): void {
    this.#devices.delete(path);
  }

  #indexesOf({ points, store }: DeviceInfo): Indexes {
    const byPolicy = this.#indexes.get(points) ?? new Map<StorePolicy | undefined, Indexes>();
    this.#indexes.set(points, byPolicy);
    const known = byPolicy.get(store);
    if (known) return known;
    const names = [...points.values()].filter((point) => isOnChange(point, store)).map(({ name }) => name);
    const indexes = names.length === 0 ? NONE : new Map(names.map((name, index) => [name, index]));
    byPolicy.set(store, indexes);
    return indexes;
  }
}

/** The values of one device that were stored in the present hour. */
export class DeviceChanges {
  readonly indexes: Indexes;
  /** Number of values of the present scrape that are not stored. */
  unchanged = 0;
  /** Whether a value of the present scrape is stored. */
  isStored = false;
  readonly #values: (PointValue | undefined)[];
  #hour = Number.NaN;

  constructor(indexes: Indexes) {
    this.indexes = indexes;
    this.#values = Array.from({ length: indexes.size }, () => undefined);
  }

  /** Begins with the values of a scrape. */
  begin(time: number): void {
    this.unchanged = 0;
    this.isStored = false;
    const hour = Math.floor(time / HOUR);
    if (hour === this.#hour) return;
    this.#hour = hour;
    this.#values.fill(undefined);
  }

  /** Returns whether a value is to be stored, and takes it for stored. */
  takes(point: Point | undefined, value: PointValue): boolean {
    const index = point && this.indexes.get(point.name);
    if (index !== undefined) {
      if (!hasChanged(point!, this.#values[index], value)) {
        this.unchanged += 1;
        return false;
      }
      this.#values[index] = value;
    }
    this.isStored = true;
    return true;
  }
}

function isOnChange({ store, origin, publish }: Point, ofDevice: StorePolicy | undefined): boolean {
  if (publish === "never") return false;
  return (store ?? ofDevice ?? (origin?.nameplate ? "change" : "always")) === "change";
}

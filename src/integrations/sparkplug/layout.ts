import { type DeviceInfo, type Point, type PointValue, portsOf, timeOf } from "../../points/index.ts";
import { DataType, type MetricValue, type Property } from "./codec.ts";

/** A metric of a device: what its birth says of it. */
interface MetricSpec {
  readonly name: string;
  readonly type: DataType;
  readonly properties: readonly Property[];
  /** The point whose value it is; absent for the metrics that the bridge adds. */
  readonly point?: Point;
  /** Whether hosts may write it. */
  readonly isWritable: boolean;
}

/** Places of the metrics that say how the last command for a writable metric ended. */
export interface ResultPlaces {
  readonly status: number;
  readonly id: number;
  readonly message: number;
}

/** The metrics of a device, and where each is among them. Devices of one registry share it. */
export interface Layout {
  readonly metrics: readonly MetricSpec[];
  readonly placeOf: ReadonlyMap<string, number>;
  /** By point. */
  readonly points: ReadonlyMap<string, number>;
  /** By point. */
  readonly results: ReadonlyMap<string, ResultPlaces>;
  /** When the limit of a point ends, by point. */
  readonly ends: ReadonlyMap<string, number>;
  /** Lifetime energy by port. */
  readonly energy: ReadonlyMap<string, number>;
  readonly openAlarms: number;
  readonly alarmNames: number;
  readonly lastAlarm: number;
  readonly lastRefusal: number;
}

const layouts = new WeakMap<DeviceInfo["points"], Layout>();

export function layoutOf({ points }: Pick<DeviceInfo, "points">): Layout {
  const known = layouts.get(points);
  if (known) return known;
  const made = new LayoutBuilder(points).build();
  layouts.set(points, made);
  return made;
}

const TYPES: Readonly<Record<Point["type"], DataType>> = {
  string: DataType.String,
  integer: DataType.Int64,
  float: DataType.Double,
  boolean: DataType.Boolean,
  datetime: DataType.DateTime,
  date: DataType.String,
  time: DataType.String,
  dictionary: DataType.String,
};

/** Returns the value of a point as its metric has it; null where there is none, or it is not of the point's type. */
export function metricValue(type: DataType, value: PointValue): MetricValue {
  if (value === null) return null;
  switch (type) {
    case DataType.String:
      return typeof value === "object" ? JSON.stringify(value) : String(value);
    case DataType.Boolean:
      return typeof value === "boolean" ? value : null;
    case DataType.DateTime: {
      const at = typeof value === "string" ? timeOf(value) : Number.NaN;
      return Number.isNaN(at) ? null : at;
    }
    default:
      return typeof value === "number" ? value : null;
  }
}

/** Returns the value of a written metric as the point takes it. */
export function pointValue(type: DataType, value: Exclude<MetricValue, null>): PointValue {
  return type === DataType.DateTime ? new Date(Number(value)).toISOString() : value;
}

const RESULTS = "Results";
const LIMIT_ENDS = "Limit Ends";

class LayoutBuilder {
  readonly #points: DeviceInfo["points"];
  readonly #metrics: MetricSpec[] = [];
  /** Names of metrics and of their folders in lower case: hosts may not tell apart what differs in case only (chapter 5.3). */
  readonly #taken = new Set<string>();

  constructor(points: DeviceInfo["points"]) {
    this.#points = points;
  }

  build(): Layout {
    const published = [...this.#points.values()].filter(({ publish }) => publish !== "never");
    const { ports } = portsOf(this.#points);
    const lastRefusal = this.#add("Results/Last Refusal", DataType.String);
    const openAlarms = this.#add("Alarms/Open", DataType.Int64);
    const alarmNames = this.#add("Alarms/Names", DataType.String);
    const lastAlarm = this.#add("Alarms/Last Change", DataType.String);
    const energy = new Map<string, number>();
    for (const { port } of ports)
      if (port !== undefined)
        energy.set(port, this.#add(`Port ${port}/Lifetime Energy`, DataType.Double, [unit("kWh")]));
    // Before the metrics of points, so that no point takes the name of one of these folders.
    for (const folder of [RESULTS, LIMIT_ENDS, "Alarms"]) this.#taken.add(folder.toLowerCase());
    const limits = new Set(
      published.filter(({ origin }) => origin?.measure === "limit" || origin?.measure === "limit_percent"),
    );
    const places = new Map<string, number>();
    const results = new Map<string, ResultPlaces>();
    const ends = new Map<string, number>();
    for (const point of published) {
      const place = this.#addPoint(point);
      places.set(point.name, place);
      if (!point.writable) continue;
      const { name } = this.#metrics[place]!;
      results.set(point.name, {
        status: this.#add(`${RESULTS}/${name}/Status`, DataType.String),
        id: this.#add(`${RESULTS}/${name}/Id`, DataType.String),
        message: this.#add(`${RESULTS}/${name}/Message`, DataType.String),
      });
      if (limits.has(point)) ends.set(point.name, this.#add(`${LIMIT_ENDS}/${name}`, DataType.DateTime));
    }
    return {
      metrics: this.#metrics,
      placeOf: new Map(this.#metrics.map(({ name }, place) => [name, place])),
      points: places,
      ...{ results, ends, energy, openAlarms, alarmNames, lastAlarm, lastRefusal },
    };
  }

  #addPoint(point: Point): number {
    const { name, origin, units, min, max, writable } = point;
    const type = TYPES[point.type];
    const port = origin?.port;
    const properties: Property[] = [];
    if (units !== "") properties.push(unit(units));
    if (min !== undefined) properties.push({ key: "engLow", type: DataType.Double, value: min });
    if (max !== undefined) properties.push({ key: "engHigh", type: DataType.Double, value: max });
    const suffix = `_${port}`;
    const short =
      port !== undefined && name.endsWith(suffix) && name.length > suffix.length
        ? name.slice(0, -suffix.length)
        : name;
    const wanted = port === undefined ? [name] : [`Port ${port}/${short}`, `Port ${port}/${name}`];
    return this.#add(this.#free(wanted), type, properties, point, writable);
  }

  /** Returns the first name that no other metric and no folder has; the last with a number, where all are taken. */
  #free(names: readonly string[]): string {
    const free = names.find((name) => !this.#taken.has(name.toLowerCase()));
    if (free !== undefined) return free;
    const last = names.at(-1)!;
    for (let number = 2; ; number++)
      if (!this.#taken.has(`${last} ${number}`.toLowerCase())) return `${last} ${number}`;
  }

  #add(
    name: string,
    type: DataType,
    properties: readonly Property[] = [],
    point?: Point,
    isWritable = false,
  ): number {
    const lower = name.toLowerCase();
    this.#taken.add(lower);
    for (let at = lower.indexOf("/"); at >= 0; at = lower.indexOf("/", at + 1))
      this.#taken.add(lower.slice(0, at));
    const readOnly: Property = { key: "readOnly", type: DataType.Boolean, value: !isWritable };
    return this.#metrics.push({ name, type, properties: [...properties, readOnly], point, isWritable }) - 1;
  }
}

function unit(value: string): Property {
  return { key: "engUnit", type: DataType.String, value };
}

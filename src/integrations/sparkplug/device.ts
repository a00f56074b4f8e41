import type {
  AlarmChange,
  DeviceInfo,
  LimitEnds,
  OpenAlarms,
  PointValue,
  PortEnergy,
  Scrape,
} from "../../points/index.ts";
import { DataType, type Metric, type MetricValue, type Property } from "./codec.ts";
import type { History, PastValues } from "./history.ts";
import { type Layout, layoutOf, metricValue } from "./layout.ts";

/** Chapter 6.4.10: the values of the property `Quality`. */
const Quality = { BAD: 0, GOOD: 192, STALE: 500 } as const;
type Quality = (typeof Quality)[keyof typeof Quality];

/** How the last command for a metric ended. */
export interface CommandOutcome {
  readonly status: string;
  readonly id: string;
  readonly message: string;
}

/**
 * The metrics of a device with their values: the last ones, whether the hosts have them, and the earlier ones that the hosts
 * have not got.
 */
export class SparkplugDevice {
  readonly info: DeviceInfo;
  readonly id: string;
  readonly layout: Layout;
  /** Alias of its first metric; the others follow. */
  readonly firstAlias: number;
  /** Whether its values are live, so that it has a birth to be sent. */
  isPresent = false;
  /** Whether the hosts know it as present in this session. */
  isBorn = false;
  /** Whether its birth could not be sent: not tried again before the next birth of the node. */
  isWithheld = false;
  readonly #past: PastValues;
  readonly #values: MetricValue[];
  /** When each value was read, in milliseconds since 1970; 0: never. Of a value that the hosts have not got: when it was read first. */
  readonly #readAt: number[];
  readonly #quality: Quality[];
  /** Quality as last sent. */
  readonly #sentQuality: Quality[];
  /** Places of the values that the hosts have not got. */
  readonly #news = new Set<number>();

  constructor(info: DeviceInfo, id: string, firstAlias: number, history: History) {
    this.info = info;
    this.id = id;
    this.layout = layoutOf(info);
    this.firstAlias = firstAlias;
    this.#past = history.ofDevice();
    const { length } = this.layout.metrics;
    this.#values = new Array<MetricValue>(length).fill(null);
    this.#readAt = new Array<number>(length).fill(0);
    this.#quality = new Array<Quality>(length).fill(Quality.GOOD);
    this.#sentQuality = new Array<Quality>(length).fill(Quality.GOOD);
  }

  get hasNews(): boolean {
    return this.#news.size > 0;
  }

  get pastCount(): number {
    return this.#past.count;
  }

  /** Takes over the values of a scrape. Points that could not be read keep their value, as bad. */
  scraped(scrape: Scrape): void {
    const at = (scrape.observedAt ?? scrape.takenAt).getTime();
    const { points, metrics } = this.layout;
    const moving: [number, MetricValue][] = [];
    let isChange = false;
    for (const [name, place] of points) {
      const value = scrape.values.get(name);
      if (value === undefined) {
        isChange = this.#setQuality(place, Quality.BAD, at) || isChange;
        continue;
      }
      const read = scrape.noLimit?.has(name) ? null : metricValue(metrics[place]!.type, value);
      if (this.info.movingTimes?.has(name) && this.#readAt[place] !== 0) moving.push([place, read]);
      else isChange = this.#setPoint(place, read, at) || isChange;
    }
    // Times that always move are sent with the next change of another point.
    if (isChange) for (const [place, value] of moving) this.#set(place, value, at);
  }

  /** Takes over a value that was read at some other time, e.g. back after a write. */
  read(point: string, value: PointValue, at: number): void {
    const place = this.layout.points.get(point);
    if (place !== undefined) this.#setPoint(place, metricValue(this.layout.metrics[place]!.type, value), at);
  }

  /** The last good scrape is too old: its values are no longer those of now. */
  becameStale(at: number): void {
    for (const place of this.layout.points.values())
      if (this.#quality[place] === Quality.GOOD) this.#setQuality(place, Quality.STALE, at);
  }

  setOpenAlarms({ alarms, isCut }: OpenAlarms, at: number): void {
    const names = alarms.map(({ port, alarm }) => (port === null ? alarm : `Port ${port}: ${alarm}`));
    this.#set(this.layout.openAlarms, alarms.length, at);
    this.#set(this.layout.alarmNames, [...names, ...(isCut ? ["…"] : [])].join("; "), at);
  }

  setLastAlarm({ port, alarm, state, at, seenAt }: AlarmChange): void {
    const text = `${state}: ${port === null ? "" : `Port ${port}: `}${alarm}`;
    this.#set(this.layout.lastAlarm, text, (at ?? seenAt).getTime());
  }

  setEnds({ ends }: Pick<LimitEnds, "ends">, at: number): void {
    for (const [point, place] of this.layout.ends) this.#set(place, ends.get(point)?.getTime() ?? null, at);
  }

  setEnergy({ port, energyKwh, at }: PortEnergy): void {
    const place = this.layout.energy.get(port);
    if (place !== undefined) this.#set(place, energyKwh, Date.parse(at));
  }

  setOutcome(point: string, { status, id, message }: CommandOutcome, at: number): void {
    const places = this.layout.results.get(point);
    if (!places) return;
    this.#set(places.id, id, at);
    this.#set(places.status, status, at);
    this.#set(places.message, message, at);
  }

  setRefusal(text: string, at: number): void {
    this.#set(this.layout.lastRefusal, text, at);
  }

  /** Takes over the values of the device that it replaces, as far as the metrics are the same. */
  inherit(before: SparkplugDevice): void {
    for (const [place, { name, type }] of this.layout.metrics.entries()) {
      const from = before.layout.placeOf.get(name);
      if (from === undefined || before.layout.metrics[from]!.type !== type) continue;
      this.#values[place] = before.#values[from]!;
      this.#readAt[place] = before.#readAt[from]!;
      this.#quality[place] = before.#quality[from]!;
    }
    for (const past of before.#past.take(before.pastCount)) this.#past.add(past);
    this.isPresent = before.isPresent;
  }

  /** Drops the values that wait. */
  forget(): void {
    this.#past.clear();
  }

  /** Returns all metrics for a birth, in the order of their times (chapter 5.12); the hosts have them then. */
  birth(now: number): Metric[] {
    const metrics = this.layout.metrics.map((spec, place) => ({
      name: spec.name,
      ...this.#metric(place, now),
      properties: [...spec.properties, ...this.#qualityOf(place, false)],
    }));
    for (const place of metrics.keys()) this.#sent(place);
    return metrics.sort((a, b) => a.timestamp - b.timestamp);
  }

  /** Returns the metrics with news, in the order of their times; the hosts have them then. */
  takeNews(now: number): Metric[] {
    const metrics: Metric[] = [];
    for (const place of this.#news) {
      metrics.push({ ...this.#metric(place, now), properties: this.#qualityOf(place, true) });
      this.#sent(place);
    }
    return metrics.sort((a, b) => a.timestamp - b.timestamp);
  }

  /** Returns earlier values, the oldest first. */
  takePast(most: number): Metric[] {
    return this.#past.take(most).flatMap(({ name, value, at, quality }) => {
      const place = this.layout.placeOf.get(name);
      if (place === undefined) return [];
      const { type } = this.layout.metrics[place]!;
      const properties = quality === Quality.GOOD ? [] : [qualityProperty(quality)];
      return [{ alias: this.firstAlias + place, timestamp: at, type, value, isHistorical: true, properties }];
    });
  }

  /** Metrics that were taken could not be sent: those that are still the last ones are news again, the others wait. */
  giveBack(metrics: readonly Metric[]): void {
    for (const { alias, timestamp, value, isHistorical } of metrics) {
      const place = alias! - this.firstAlias;
      if (this.#readAt[place] === 0) continue;
      const { name } = this.layout.metrics[place]!;
      if (!isHistorical && this.#readAt[place]! >= timestamp && Object.is(this.#values[place], value)) {
        this.#readAt[place] = timestamp;
        this.#news.add(place);
      } else this.#past.add({ name, value, at: timestamp, quality: this.#quality[place]! });
    }
  }

  #metric(place: number, now: number): Metric {
    const { type } = this.layout.metrics[place]!;
    const value = this.#values[place]!;
    return { alias: this.firstAlias + place, timestamp: this.#readAt[place] || now, type, value };
  }

  /** Left out where it is good (chapter 6.4.10), but for one that was not good before. */
  #qualityOf(place: number, isData: boolean): Property[] {
    const quality = this.#quality[place]!;
    if (quality === Quality.GOOD && !(isData && this.#sentQuality[place] !== Quality.GOOD)) return [];
    return [qualityProperty(quality)];
  }

  #sent(place: number): void {
    this.#news.delete(place);
    this.#sentQuality[place] = this.#quality[place]!;
  }

  /** Returns whether it is a change; one within the Deadband of its point is none. */
  #setPoint(place: number, value: MetricValue, at: number): boolean {
    const last = this.#values[place];
    const { deadband = 0 } = this.layout.metrics[place]!.point!;
    const isWithin =
      typeof last === "number" && typeof value === "number" && Math.abs(value - last) < deadband;
    const isBetter = this.#quality[place] !== Quality.GOOD;
    if (isWithin && !isBetter) {
      if (!this.#news.has(place)) this.#readAt[place] = at;
      return false;
    }
    return this.#set(place, value, at);
  }

  #set(place: number, value: MetricValue, at: number): boolean {
    const isNew = this.#readAt[place] === 0;
    const isChanged = isNew || !Object.is(this.#values[place], value);
    if (!isChanged && this.#quality[place] === Quality.GOOD) {
      if (!this.#news.has(place)) this.#readAt[place] = at;
      return false;
    }
    this.#keep(place);
    this.#values[place] = value;
    this.#readAt[place] = at;
    this.#quality[place] = Quality.GOOD;
    this.#news.add(place);
    return true;
  }

  #setQuality(place: number, quality: Quality, at: number): boolean {
    if (this.#quality[place] === quality) return false;
    this.#keep(place);
    this.#quality[place] = quality;
    this.#readAt[place] = at;
    this.#news.add(place);
    return true;
  }

  /** Keeps a value that the hosts have not got before another one takes its place. */
  #keep(place: number): void {
    if (!this.#news.has(place) || this.#readAt[place] === 0) return;
    const { name } = this.layout.metrics[place]!;
    this.#past.add({
      name,
      value: this.#values[place]!,
      at: this.#readAt[place]!,
      quality: this.#quality[place]!,
    });
  }
}

function qualityProperty(value: number): Property {
  return { key: "Quality", type: DataType.Int32, value };
}

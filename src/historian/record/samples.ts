import type { PointType, PointValue, Scrape, Write } from "../../points/index.ts";
import type { Sample, TopicMeta } from "../contract.ts";
import type { DeviceNaming } from "../ingest/index.ts";
import { timeOf } from "../time.ts";
import type { DeviceChanges } from "./changes.ts";

const AUDIT_META: TopicMeta = { units: "", type: "dictionary", tz: "UTC" };
/** Maximum number of writes without a result whose times are kept. */
const MAX_OPEN_WRITES = 10_000;

/**
 * Returns the values of a scrape, including null. A point that could not be read has no sample, nor has one whose row has `Publish`
 * never: only what subscribers could store is stored (personal data is marked so). `time` as in {@link Sample}. `changes`: which values of
 * points stored on change are stored.
 */
export function* scrapeSamples(
  { device, values, takenAt }: Scrape,
  naming: DeviceNaming = { path: device.path, keeps: () => true },
  time: number = timeOf(takenAt),
  changes?: DeviceChanges,
): Generator<Sample> {
  const metas = new Map<string, Map<PointType, TopicMeta>>();
  const metaOf = (units: string, type: PointType): TopicMeta => {
    const byType = metas.get(units) ?? new Map<PointType, TopicMeta>();
    const meta = byType.get(type) ?? { units, type, tz: device.timezone };
    if (byType.size === 0) metas.set(units, byType);
    byType.set(type, meta);
    return meta;
  };
  for (const [point, value] of values) {
    const described = device.points.get(point);
    const { units = "", type = "string", publish = "always" } = described ?? {};
    if (publish === "never" || !naming.keeps(point)) continue;
    if (changes && !changes.takes(described, value)) continue;
    yield { topic: `${naming.path}/${point}`, time, value, meta: metaOf(units, type) };
  }
}

/**
 * Records attempted writes for audits: topic `actuators/write/<path>/<point>` (without point for the revert of a device), a
 * dictionary of the requester, the request and its result. Both are one sample: the result replaces the request.
 */
export class WriteAudit {
  readonly #open = new Map<string, number>();
  readonly #latest = new Map<string, number>();

  sample(write: Write): Sample {
    const { device, point, at: _at, ...entry } = write;
    const topic = ["actuators/write", device.path, ...(point === undefined ? [] : [point])].join("/");
    const known = Object.entries(entry).filter(([, value]) => value !== undefined);
    return {
      topic,
      time: this.#timeOf(write, topic),
      value: Object.fromEntries(known) as { [key: string]: PointValue },
      meta: AUDIT_META,
    };
  }

  /** Returns the time of a write. Two writes of one point in the same millisecond differ by a microsecond to keep both. */
  #timeOf({ id, requester, at, status, error }: Write, topic: string): number {
    const key = JSON.stringify([topic, requester, id]);
    // Rejected because the id belongs to a write that may still be in progress: this is not its result.
    const asked = error === "DuplicateIdError" ? undefined : this.#open.get(key);
    if (asked !== undefined) {
      if (status !== undefined) this.#open.delete(key);
      return asked;
    }
    const previous = this.#latest.get(topic);
    const time =
      previous !== undefined && Math.floor(previous / 1000) === at.getTime() ? previous + 1 : timeOf(at);
    this.#latest.set(topic, time);
    if (status === undefined) this.#remember(key, time);
    return time;
  }

  #remember(key: string, time: number): void {
    this.#open.set(key, time);
    const oldest = this.#open.keys().next().value;
    if (this.#open.size > MAX_OPEN_WRITES && oldest !== undefined) this.#open.delete(oldest);
  }
}

import type { Retention } from "../contract.ts";
import { timeLiteral } from "./influxql.ts";
import type { Series } from "./queries.ts";
import type { InfluxTarget } from "./settings.ts";

/** Every measurement but `meta`, in Go's regular expressions, which know no negation. */
const SAMPLES = "/^(?:.{0,3}|.{5,}|[^m].*|.[^e].*|..[^t].*|...[^a].*)$/";
const HOUR = 3600e6;
const SHORTEST_STEP = HOUR / 60;
const LONGEST_STEP = 30 * 24 * HOUR;
/** One call takes about so long. */
const [SHORT_MS, LONG_MS] = [300, 1000];

type Query = (text: string, signal?: AbortSignal) => Promise<readonly Series[]>;

/** Removing by DELETE, from the oldest on, in steps of time as long as about a second allows. */
export class InfluxRetention implements Retention {
  readonly #target: InfluxTarget;
  readonly #query: Query;
  #step = 24 * HOUR;
  /** Nothing older is there any more. */
  #removedBefore = Number.NEGATIVE_INFINITY;

  constructor(target: InfluxTarget, query: Query) {
    this.#target = target;
    this.#query = query;
  }

  async removeBefore(before: number, signal?: AbortSignal): Promise<number> {
    const oldest = await this.oldest(signal);
    if (oldest === undefined || oldest >= before) return 0;
    const begun = performance.now();
    const end = Math.min(before, oldest + this.#step);
    const range = `time < ${timeLiteral(end)}`;
    const counts = await this.#query(`SELECT COUNT(*) FROM ${SAMPLES} WHERE ${range}`, signal);
    await this.#query(`DELETE FROM ${SAMPLES} WHERE ${range}`, signal);
    this.#removedBefore = end;
    const took = performance.now() - begun;
    if (took < SHORT_MS) this.#step = Math.min(this.#step * 2, LONGEST_STEP);
    else if (took > LONG_MS) this.#step = Math.max(this.#step / 2, SHORTEST_STEP);
    return Math.max(1, sum(counts));
  }

  async oldest(signal?: AbortSignal): Promise<number | undefined> {
    const series = await this.#query(`SELECT * FROM ${SAMPLES} ORDER BY time ASC LIMIT 1`, signal);
    const times = series.map(({ values }) => Number(values[0]?.[0]));
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /**
   * Bytes of the shards on disk. What DELETE removed is freed only when InfluxDB compacts a shard, so the shard in which removing
   * has come so far counts for the part of its time that is left.
   */
  async size(signal?: AbortSignal): Promise<number | undefined> {
    const { database } = this.#target;
    const ranges = await this.#shardRanges(signal);
    const stats = (await this.#query("SHOW STATS FOR 'shard'", signal)).filter(
      ({ tags }) => tags?.database === database,
    );
    let bytes = 0;
    for (const { tags, columns, values } of stats) {
      const [start, end] = ranges.get(tags?.id ?? "") ?? [0, 0];
      const onDisk = Number(values[0]?.[columns.indexOf("diskBytes")]);
      const left = Math.min(1, Math.max(0, (end - this.#removedBefore) / (end - start)));
      bytes += Math.round(onDisk * (Number.isNaN(left) ? 1 : left));
    }
    return stats.length === 0 || Number.isNaN(bytes) ? undefined : bytes;
  }

  async #shardRanges(
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, readonly [start: number, end: number]>> {
    const shards = (await this.#query("SHOW SHARDS", signal)).filter(
      ({ name }) => name === this.#target.database,
    );
    return new Map(
      shards.flatMap(({ columns, values }) =>
        values.map((row) => {
          const at = (column: string): unknown => row[columns.indexOf(column)];
          const time = (column: string): number => Date.parse(String(at(column))) * 1000;
          return [String(at("id")), [time("start_time"), time("end_time")]] as const;
        }),
      ),
    );
  }
}

function sum(counts: readonly Series[]): number {
  let total = 0;
  for (const { values } of counts)
    for (const [, ...columns] of values)
      for (const count of columns) total += typeof count === "number" ? count : 0;
  return total;
}

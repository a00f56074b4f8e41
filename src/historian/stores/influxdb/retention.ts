import type { Retention } from "../../contract.ts";
import { HistorianError } from "../../errors.ts";
import { type Series, where } from "./influxql.ts";
import { TEXT_FIELD } from "./layout.ts";

const HOUR = 3600e6;
const MIN_STEP = HOUR / 60;
const MAX_STEP = 30 * 24 * HOUR;
/** Target range of the duration of a call, in milliseconds. */
const [SHORT_MS, LONG_MS] = [300, 1000];

/** Number of values as text, which are counted as values already. */
const TEXT_COUNT = `count_${TEXT_FIELD}`;

/** Maximum number of statements in a request. */
const MAX_STATEMENTS = 100;

export interface RetentionContext {
  readonly database: string;
  /** Returns `FROM` of each of our measurements; those of other programs are not touched. */
  sources(signal?: AbortSignal): Promise<readonly Source[]>;
  query(text: string, signal?: AbortSignal): Promise<readonly Series[]>;
}

export interface Source {
  /** Name with its retention policy, for SELECT. */
  readonly qualified: string;
  /** Name without it, for DELETE, which does not support it. */
  readonly bare: string;
}

/** Removes the oldest samples by DELETE, in time steps that take about a second. */
export class InfluxRetention implements Retention {
  readonly #context: RetentionContext;
  #step = 24 * HOUR;
  /** Time before which everything was removed. */
  #removedBefore = Number.NEGATIVE_INFINITY;

  constructor(context: RetentionContext) {
    this.#context = context;
  }

  async removeBefore(before: number, signal?: AbortSignal): Promise<number> {
    const begun = performance.now();
    const sources = await this.#context.sources(signal);
    const oldest = await this.#oldestOf(sources, signal);
    if (oldest === undefined || oldest >= before) return 0;
    const end = Math.min(before, oldest + this.#step);
    const range = where([], undefined, end);
    try {
      const count = ({ qualified }: Source): string => `SELECT COUNT(*) FROM ${qualified}${range}`;
      const counts = await this.#each(sources, count, signal);
      await this.#each(sources, ({ bare }) => `DELETE FROM ${bare}${range}`, signal);
      this.#removedBefore = end;
      return Math.max(1, sum(counts));
    } finally {
      // After a failure too: the step may have exceeded the deadline.
      const took = performance.now() - begun;
      if (took < SHORT_MS) this.#step = Math.min(this.#step * 2, MAX_STEP);
      else if (took > LONG_MS) this.#step = Math.max(this.#step / 2, MIN_STEP);
    }
  }

  async oldest(signal?: AbortSignal, from?: number): Promise<number | undefined> {
    return await this.#oldestOf(await this.#context.sources(signal), signal, from);
  }

  /**
   * Returns the size of the shards on disk in bytes. InfluxDB frees deleted data only when it compacts a shard, so a partly removed shard
   * counts in proportion to its remaining time range. Only users with all privileges can read the size.
   */
  async size(signal?: AbortSignal): Promise<number | undefined> {
    try {
      return await this.#sizeOfShards(signal);
    } catch (error) {
      if (error instanceof HistorianError && error.kind === "give_up") return undefined;
      throw error;
    }
  }

  async #sizeOfShards(signal?: AbortSignal): Promise<number | undefined> {
    const { database } = this.#context;
    const ranges = await this.#shardRanges(signal);
    const stats = (await this.#context.query("SHOW STATS FOR 'shard'", signal)).filter(
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

  async #oldestOf(
    sources: readonly Source[],
    signal?: AbortSignal,
    from?: number,
  ): Promise<number | undefined> {
    const since = where([], from);
    const first = ({ qualified }: Source): string =>
      `SELECT * FROM ${qualified}${since} ORDER BY time ASC LIMIT 1`;
    const times = (await this.#each(sources, first, signal)).map(({ values }) => Number(values[0]?.[0]));
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Runs one statement for each measurement: over several, `*` omits fields whose types differ. */
  async #each(
    sources: readonly Source[],
    statement: (source: Source) => string,
    signal?: AbortSignal,
  ): Promise<readonly Series[]> {
    const found: Series[] = [];
    for (let i = 0; i < sources.length; i += MAX_STATEMENTS) {
      const text = sources
        .slice(i, i + MAX_STATEMENTS)
        .map(statement)
        .join("; ");
      found.push(...(await this.#context.query(text, signal)));
    }
    return found;
  }

  async #shardRanges(
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, readonly [start: number, end: number]>> {
    const shards = (await this.#context.query("SHOW SHARDS", signal)).filter(
      ({ name }) => name === this.#context.database,
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
  for (const { columns, values } of counts)
    for (const row of values)
      for (const [at, count] of row.entries())
        if (at > 0 && columns[at] !== TEXT_COUNT && typeof count === "number") total += count;
  return total;
}

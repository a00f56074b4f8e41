import type {
  HistorianBackend,
  ReadRequest,
  Row,
  StoredAggregate,
  StoredAggregates,
  Topic,
  TopicMeta,
} from "../contract.ts";
import { parsePeriod } from "./period.ts";
import type { HistoryQuery } from "./query.ts";

/**
 * Returns the aggregates of another program that a query names; undefined where the store has none, or the query asks for what they are
 * not.
 */
export async function findStored(
  { aggregates }: HistorianBackend,
  { topic = [], aggType, aggPeriod, tz, window, minCount, fill }: HistoryQuery,
  signal?: AbortSignal,
): Promise<StoredSeries | undefined> {
  const isPlain = [tz, window, minCount, fill].every((more) => more === undefined);
  if (!aggregates || aggType === undefined || aggPeriod === undefined || !isPlain) return undefined;
  const names = new Set([topic].flat().map((name) => name.toLowerCase()));
  const { count, unit } = parsePeriod(aggPeriod);
  const kind = { type: aggType.toUpperCase(), period: `${count}${unit}` };
  const found = (await aggregates.list(signal)).filter(
    ({ name, type, period }) => names.has(name.toLowerCase()) && type === kind.type && period === kind.period,
  );
  return new StoredSeries(aggregates, kind, found);
}

/** Stored aggregates of one type and period. */
class StoredSeries {
  readonly #aggregates: StoredAggregates;
  readonly #kind: { readonly type: string; readonly period: string };
  readonly #names: ReadonlyMap<string, string>;

  constructor(
    aggregates: StoredAggregates,
    kind: { readonly type: string; readonly period: string },
    found: readonly StoredAggregate[],
  ) {
    this.#aggregates = aggregates;
    this.#kind = kind;
    this.#names = new Map(found.map(({ name }) => [name.toLowerCase(), name]));
  }

  has({ name }: Topic): boolean {
    return this.#names.has(name.toLowerCase());
  }

  /** Returns those that are not named after one of the topics: aggregates of several topics have names of their own. */
  others(topics: readonly Topic[]): Topic[] {
    const known = new Set(topics.map(({ name }) => name.toLowerCase()));
    const meta: TopicMeta = { units: "", type: "float", tz: "UTC" };
    return [...this.#names].flatMap(([key, name]) => (known.has(key) ? [] : [{ name, meta }]));
  }

  async read(request: ReadRequest, signal?: AbortSignal): Promise<readonly Row[]> {
    return (await this.#aggregates.read({ ...request, ...this.#kind }, signal)) ?? [];
  }
}

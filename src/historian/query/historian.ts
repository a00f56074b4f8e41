import { setImmediate as nextTurn } from "node:timers/promises";
import type { PointValue } from "../../points/index.ts";
import type { HistorianBackend, Row, Topic, TopicMeta } from "../contract.ts";
import { QueryError } from "../errors.ts";
import { isOwnTopic } from "../storable.ts";
import { formatTime, timeOf } from "../time.ts";
import { AGGREGATE_TYPES, type Aggregate, type PeriodSums, rowsOf, sumUp } from "./aggregate.ts";
import { readFilled, sumUpHeld } from "./fill.ts";
import { ahead, readPages, slicePages } from "./pages.ts";
import { readParts } from "./parts.ts";
import { compilePattern } from "./pattern.ts";
import { readPlot } from "./plot.ts";
import { type CheckedQuery, checkQuery, type HistoryQuery } from "./query.ts";
import { rangeOfWindows, slide } from "./rolling.ts";
import { findStored } from "./stored.ts";
import { combine, togetherTopic } from "./together.ts";

/** Time as `YYYY-MM-DDTHH:MM:SS.ffffff+00:00`, and value. */
export type HistoryRow = [time: string, value: PointValue];

/** Result of a query. Unknown topics are absent; a known topic without rows in the range has an empty list. */
export interface HistoryAnswer {
  readonly values: Record<string, HistoryRow[]>;
  readonly metadata: Record<string, TopicMeta>;
}

/** A page of rows of one topic. */
export interface HistoryPage {
  readonly topic: Topic;
  readonly rows: readonly HistoryRow[];
}

/** VOLTTRON's result: a list for one topic, an object for several, `{}` when nothing was found. */
export type VolttronAnswer =
  | { readonly values: HistoryRow[]; readonly metadata: TopicMeta }
  | { readonly values: Record<string, HistoryRow[]>; readonly metadata: Record<string, never> }
  | Record<string, never>;

/** VOLTTRON's tuple of `get_aggregate_topics`. */
export type KeptAggregate = [
  topic: string,
  type: string,
  period: string,
  configured: readonly string[] | string,
];

export interface HistorianOptions {
  readonly now?: () => Date;
  /** Maximum number of rows in a result; larger results are rejected. */
  readonly maxRows?: number;
}

const MAX_ROWS = 1_000_000;
/** Number of names matched against a pattern before yielding to the event loop. */
const NAMES_PER_TURN = 500;

/**
 * Answers queries for topics and values, the same way for every backend. Names, patterns, times and aggregates come in; rows read
 * page by page from the store go out, in VOLTTRON's shapes where asked.
 */
export class Historian {
  readonly backend: HistorianBackend;
  readonly #now: () => Date;
  readonly #maxRows: number;

  constructor(
    backend: HistorianBackend,
    { now = () => new Date(), maxRows = MAX_ROWS }: HistorianOptions = {},
  ) {
    this.backend = backend;
    this.#now = now;
    this.#maxRows = maxRows;
  }

  now(): Date {
    return this.#now();
  }

  /**
   * Returns topics with their metadata, sorted by name. `pattern`: a regular expression found anywhere in the name, ignoring case. The
   * bridge's own notes are excluded unless `own` is set.
   * @throws {QueryError} for an invalid pattern.
   * @throws {HistorianError} when the store does not respond.
   */
  async topics(
    pattern?: string,
    signal?: AbortSignal,
    { own = false }: { readonly own?: boolean } = {},
  ): Promise<Topic[]> {
    const matches = compilePattern(pattern ?? "");
    const found: Topic[] = [];
    for (const [index, topic] of (await this.backend.topics(undefined, signal)).entries()) {
      if (index % NAMES_PER_TURN === NAMES_PER_TURN - 1) await nextTurn();
      if ((own || !isOwnTopic(topic.name)) && matches(topic.name)) found.push(topic);
    }
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * Runs a query.
   * @throws {QueryError} for an invalid query.
   * @throws {HistorianError} when the store does not respond.
   */
  async query(query: HistoryQuery, signal?: AbortSignal): Promise<HistoryAnswer> {
    const values = new Map<string, HistoryRow[]>();
    const metadata = new Map<string, TopicMeta>();
    let total = 0;
    for await (const { topic, rows } of this.stream(query, signal)) {
      const { name, meta } = topic;
      metadata.set(name, meta);
      const known = values.get(name) ?? [];
      values.set(name, known);
      known.push(...rows);
      total += rows.length;
      if (total > this.#maxRows)
        throw new QueryError(
          "count",
          `the result has more than ${this.#maxRows} rows; use a shorter time range, fewer topics, a smaller count, or aggregate`,
        );
    }
    return { values: Object.fromEntries(values), metadata: Object.fromEntries(metadata) };
  }

  /**
   * Returns topics for a plot, in the shape of {@link query}: about `points` values of each, and null where values are missing. See
   * {@link readPlot}.
   * @throws {QueryError} for an invalid query.
   * @throws {HistorianError} when the store does not respond.
   */
  async plot(
    {
      points,
      ...query
    }: Pick<HistoryQuery, "topic" | "pattern" | "start" | "end" | "tz"> & { readonly points: number },
    signal?: AbortSignal,
  ): Promise<HistoryAnswer> {
    const checked = checkQuery(query, this.#now());
    const { start, end } = checked;
    const topics = await this.#resolve(checked, signal);
    if (topics.length * points > this.#maxRows)
      throw new QueryError(
        "points",
        `${topics.length} topics of ${points} points are more than ${this.#maxRows} rows; ask for fewer`,
      );
    const range = { points, ...(start !== undefined && { start }), ...(end !== undefined && { end }) };
    const values: Record<string, HistoryRow[]> = {};
    for (const { name } of topics) {
      const rows = await readPlot(this.backend, name, range, signal);
      values[name] = rows.map(([time, value]) => [formatTime(time), value]);
    }
    return { values, metadata: Object.fromEntries(topics.map(({ name, meta }) => [name, meta])) };
  }

  /**
   * Returns the result of a query page by page and topic by topic, of any length. Each topic starts with a page without rows. Throws
   * as {@link query} does.
   */
  async *stream(query: HistoryQuery, signal?: AbortSignal): AsyncGenerator<HistoryPage> {
    const checked = checkQuery(query, this.#now());
    const { aggregate, together, order, skip, count } = checked;
    const [name, ...others] = checked.topics ?? [];
    // The name of one topic is looked up while its values are read.
    const first =
      name !== undefined && others.length === 0 && !together && !query.stored
        ? ahead(this.#pages(name, checked, signal))
        : undefined;
    const topics = await this.#resolve(checked, signal);
    if (aggregate && together) {
      if (topics.length === 0) return;
      const topic = togetherTopic(together, topics);
      yield { topic, rows: [] };
      const series = topics.map(({ name }) => this.#aggregate(name, checked, aggregate, signal));
      for await (const page of slicePages(combine(series, together, order), skip, count))
        yield { topic, rows: page.map(([time, value]) => [formatTime(time), value]) };
      return;
    }
    const stored = query.stored ? await findStored(this.backend, query, signal) : undefined;
    for (const topic of [...topics, ...(stored?.others(topics) ?? [])]) {
      yield { topic, rows: [] };
      const pages = stored?.has(topic)
        ? readPages(stored, topic.name, checked, signal)
        : (first ?? this.#pages(topic.name, checked, signal));
      for await (const page of pages)
        yield { topic, rows: page.map(([time, value]) => [formatTime(time), value]) };
    }
  }

  /**
   * Returns the aggregates that the store keeps, its own by the hour or those of another program: name, type, period, and the topics
   * that it is about, as VOLTTRON's historian lists those that it keeps.
   * @throws {QueryError} when the list is too long.
   * @throws {HistorianError} when the store does not respond.
   */
  async keptAggregates(signal?: AbortSignal): Promise<KeptAggregate[]> {
    const { aggregates, rollups } = this.backend;
    if (aggregates)
      return (await aggregates.list(signal)).map(({ name, type, period, topics }) => [
        ...([name, type.toLowerCase(), period, topics] as const),
      ]);
    if (!rollups) return [];
    const topics = await this.topics(undefined, signal);
    if (topics.length * AGGREGATE_TYPES.length > this.#maxRows)
      throw new QueryError(
        "get_aggregate_topics",
        `the list would have ${topics.length} topics of ${AGGREGATE_TYPES.length} types each, more than ${this.#maxRows} in all: the store keeps every type, by the hour, of each of get_topic_list`,
      );
    return topics.flatMap(({ name }) =>
      AGGREGATE_TYPES.map((type): KeptAggregate => [name, type.toLowerCase(), "1h", [name]]),
    );
  }

  async close(): Promise<void> {
    await this.backend.close();
  }

  /** Returns the topics of a query in the requested order, or by name. */
  async #resolve({ topics: names, pattern }: CheckedQuery, signal?: AbortSignal): Promise<readonly Topic[]> {
    if (!names) return await this.topics(pattern, signal);
    const found = await this.backend.topics(names, signal);
    const byKey = new Map(found.map((topic) => [topic.name.toLowerCase(), topic]));
    return [...new Set(names.map((name) => name.toLowerCase()))].flatMap((key) => byKey.get(key) ?? []);
  }

  #pages(topic: string, query: CheckedQuery, signal?: AbortSignal): AsyncIterable<readonly Row[]> {
    const { aggregate, fill, skip, count } = query;
    if (aggregate) return slicePages(this.#aggregate(topic, query, aggregate, signal), skip, count);
    if (fill) return slicePages(readFilled(this.backend, { ...query, topic }, signal), skip, count);
    return readPages(this.backend, topic, query, signal);
  }

  /** Returns an aggregate of one topic, in pages that are never empty. */
  async *#aggregate(
    topic: string,
    query: CheckedQuery,
    aggregate: Aggregate,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<readonly Row[]> {
    const { start, end, order, fill } = query;
    const { calendar, window } = aggregate;
    const asked = { start, end };
    const range = {
      ...{ topic, order },
      ...(window === undefined ? asked : rangeOfWindows(asked, calendar, window)),
    };
    const now = timeOf(this.#now());
    const periods: AsyncIterable<readonly PeriodSums[]> = fill
      ? sumUpHeld(this.backend, range, { calendar, now }, signal)
      : sumUp(readParts(this.backend, range, calendar, signal), calendar);
    const sums =
      window === undefined ? periods : slide(periods, { calendar, size: window, order, range: asked });
    for await (const page of sums) {
      const rows = rowsOf(page, aggregate);
      if (rows.length > 0) yield rows;
    }
  }
}

/** Converts a result to VOLTTRON's shape. `single`: the query named one topic, as text or as a list of one. */
export function volttronAnswer({ values, metadata }: HistoryAnswer, single: boolean): VolttronAnswer {
  const found = Object.entries(values).filter(([, rows]) => rows.length > 0);
  const [first] = found;
  if (!first) return {};
  if (!single) return { values, metadata: {} };
  const [name, rows] = first;
  return { values: rows, metadata: metadata[name] as TopicMeta };
}

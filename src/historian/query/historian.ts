import { setImmediate as nextTurn } from "node:timers/promises";
import type { PointValue } from "../../points/index.ts";
import type { HistorianBackend, Row, Topic, TopicMeta } from "../contract.ts";
import { QueryError } from "../errors.ts";
import { isOwnTopic } from "../record/own-topics.ts";
import { formatTime } from "../time.ts";
import { aggregate } from "./aggregate.ts";
import { readPages, slicePages } from "./pages.ts";
import { compilePattern } from "./pattern.ts";
import { readPlot } from "./plot.ts";
import { type CheckedQuery, checkQuery, type HistoryQuery } from "./query.ts";

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
    }: Pick<HistoryQuery, "topic" | "pattern" | "start" | "end"> & { readonly points: number },
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
    for (const topic of await this.#resolve(checked, signal)) {
      yield { topic, rows: [] };
      for await (const page of this.#pages(topic.name, checked, signal))
        yield { topic, rows: page.map(([time, value]) => [formatTime(time), value]) };
    }
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
    if (!query.aggregate) return readPages(this.backend, topic, query, signal);
    const raw = readPages(
      this.backend,
      topic,
      { ...query, skip: 0, count: Number.POSITIVE_INFINITY },
      signal,
    );
    const { type, period } = query.aggregate;
    return slicePages(aggregate(raw, type, period), query.skip, query.count);
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

import { DecimalSum, type PointValue } from "../../points/index.ts";
import type { Order, Row, Topic } from "../contract.ts";
import { QueryError } from "../errors.ts";

export const TOGETHER_TYPES = ["SUM", "AVG", "MIN", "MAX", "COUNT"] as const;
export type TogetherType = (typeof TOGETHER_TYPES)[number];

/** Maximum number of rows of a page. */
const PAGE = 1000;

/**
 * Returns the topic that stands for several: "sum of 12 topics", with the unit that they have in common.
 * @throws {QueryError} where they have several units, whose values have nothing in common.
 */
export function togetherTopic(type: TogetherType, topics: readonly Topic[]): Topic {
  const name = `${type.toLowerCase()} of ${topics.length} ${topics.length === 1 ? "topic" : "topics"}`;
  if (type === "COUNT") return { name, meta: { units: "", type: "integer", tz: "UTC" } };
  const byUnits = new Map(topics.toReversed().map((topic) => [topic.meta.units, topic.name]));
  if (byUnits.size > 1) {
    const examples = [...byUnits]
      .slice(-2)
      .map(([units, example]) => `${example} is in ${units || "no unit"}`);
    throw new QueryError("together", `topics of different units cannot be combined: ${examples.join(", ")}`);
  }
  return { name, meta: { units: topics[0]?.meta.units ?? "", type: "float", tz: "UTC" } };
}

/** Combines the rows of several topics that have the same time. SUM, AVG, MIN and MAX take numbers and booleans (1 and 0). */
export async function* combine(
  series: readonly AsyncIterable<readonly Row[]>[],
  type: TogetherType,
  order: Order,
): AsyncGenerator<readonly Row[]> {
  const sources = series.map((pages) => new Source(pages));
  try {
    for (const source of sources) await source.fill();
    let rows: Row[] = [];
    for (;;) {
      const times = sources.flatMap(({ row }) => (row ? [row[0]] : []));
      if (times.length === 0) break;
      const pick = order === "FIRST_TO_LAST" ? Math.min : Math.max;
      const time = times.reduce((a, b) => pick(a, b));
      const values: PointValue[] = [];
      for (const source of sources) {
        if (source.row?.[0] !== time) continue;
        values.push(source.row[1]);
        if (source.next()) continue;
        // What is complete goes out before the store is asked for more.
        if (rows.length > 0) yield rows;
        rows = [];
        await source.fill();
      }
      const value = combined(values, type);
      if (value !== undefined) rows.push([time, value]);
      if (rows.length >= PAGE) {
        yield rows;
        rows = [];
      }
    }
    if (rows.length > 0) yield rows;
  } finally {
    await Promise.all(sources.map((source) => source.close()));
  }
}

/** Rows of one topic, one after the other. */
class Source {
  readonly #pages: AsyncIterator<readonly Row[]>;
  #page: readonly Row[] = [];
  #at = 0;

  constructor(pages: AsyncIterable<readonly Row[]>) {
    this.#pages = pages[Symbol.asyncIterator]();
  }

  get row(): Row | undefined {
    return this.#page[this.#at];
  }

  /** Goes on to the next row; returns whether it is there. */
  next(): boolean {
    this.#at += 1;
    return this.#at < this.#page.length;
  }

  /** Reads the next page. */
  async fill(): Promise<void> {
    this.#at = 0;
    const { done, value } = await this.#pages.next();
    this.#page = done ? [] : value;
  }

  async close(): Promise<void> {
    await this.#pages.return?.();
  }
}

function combined(values: readonly PointValue[], type: TogetherType): number | undefined {
  if (type === "COUNT") return values.length;
  const numbers = values.flatMap((value) =>
    typeof value === "number" || typeof value === "boolean" ? [Number(value)] : [],
  );
  if (numbers.length === 0) return undefined;
  if (type === "MIN" || type === "MAX")
    return numbers.reduce((a, b) => Math[type === "MIN" ? "min" : "max"](a, b));
  const sum = new DecimalSum();
  for (const number of numbers) sum.add(number);
  return type === "SUM" ? sum.total : sum.mean(numbers.length);
}

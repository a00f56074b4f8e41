import {
  type HistoryAnswer,
  type HistoryRows,
  type TopicValues,
  valuesOf,
} from "../../state/bridge/history.ts";
import type { TimeRange } from "../../state/browser/range.ts";
import { api } from "../../state/requests/api.ts";
import { type Choice, PERIODS, type Period, periodOf } from "./choice.ts";

export type Span = Pick<TimeRange, "from" | "to">;

/** Values of one topic, or why there are none. */
export type LoadedTopic =
  | { readonly topic: string; readonly kind: "failed"; readonly error: unknown }
  | { readonly topic: string; readonly kind: "text"; readonly changes: readonly TextChange[] }
  | {
      readonly topic: string;
      readonly kind: "numbers";
      readonly unit: string;
      readonly type: string;
      /** What is drawn. */
      readonly drawn: TopicValues;
      readonly period: Period | undefined;
      readonly least: number | undefined;
      readonly most: number | undefined;
      readonly last: { readonly at: number; readonly value: number } | undefined;
    };

/** A text, and how long it was the value. */
export interface TextChange {
  readonly from: number;
  /** Of the last one, when it was read last. */
  readonly to: number;
  readonly text: string;
}

/** What is shown of a choice. */
export interface Shown extends TimeRange {
  readonly choice: Choice;
  readonly topics: readonly LoadedTopic[];
}

/** Number of values of a line: about one for each pixel of a wide window. */
const POINTS = 1200;

/** Loads each topic by itself: one that is unknown does not hide the others. */
export async function loadChoice(choice: Choice, range: TimeRange, signal: AbortSignal): Promise<Shown> {
  const topics = await Promise.all(
    choice.topics.map(async (topic): Promise<LoadedTopic> => {
      try {
        return await loadTopic(topic, choice, range, signal);
      } catch (error) {
        if (signal.aborted) throw error;
        return { topic, kind: "failed", error };
      }
    }),
  );
  return { ...range, choice, topics };
}

async function loadTopic(
  topic: string,
  choice: Choice,
  span: Span,
  signal: AbortSignal,
): Promise<LoadedTopic> {
  const [rows, { type = "", units = "" }] = await read(topic, span, { points: POINTS }, signal);
  if (!isNumeric(type, rows)) return { topic, kind: "text", changes: changesOf(rows) };
  const plot = valuesOf(rows);
  const numbers = plot.values.flatMap((value, at) => (value === null ? [] : { value, at: plot.times[at]! }));
  const values = numbers.map(({ value }) => value);
  const period = choice.aggregate && periodOf(choice, span);
  const drawn = period
    ? valuesOf((await read(topic, span, { agg_type: choice.aggregate!, agg_period: period }, signal))[0])
    : plot;
  return {
    ...{ topic, kind: "numbers", type, drawn, period },
    unit: choice.aggregate === "count" ? "values" : units,
    // The values of a plot hold the smallest and the largest of all.
    least: values.length > 0 ? values.reduce((a, b) => Math.min(a, b)) : undefined,
    most: values.length > 0 ? values.reduce((a, b) => Math.max(a, b)) : undefined,
    last: numbers.at(-1),
  };
}

/** Mean and number of all stored values of a topic. */
export interface Mean {
  readonly mean: number | undefined;
  readonly count: number;
}

/** Returns the mean of each topic: sums and counts of periods are added up, because values are not at equal distances. */
export async function loadMeans(
  topics: readonly string[],
  span: Span,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Mean>> {
  const agg_period: Period = span.to - span.from > PERIODS["1d"] * 400 ? "1M" : "1d";
  const total = async (topic: string, agg_type: string): Promise<number> => {
    const [rows] = await read(topic, span, { agg_type, agg_period }, signal);
    return rows.reduce((sum, [, value]) => sum + (typeof value === "number" ? value : 0), 0);
  };
  const means = topics.map(async (topic): Promise<[string, Mean]> => {
    const [sum, count] = await Promise.all([total(topic, "SUM"), total(topic, "COUNT")]);
    return [topic, { mean: count > 0 ? sum / count : undefined, count }];
  });
  return new Map(await Promise.all(means));
}

export const rangeOf = ({ from, to }: Span) => ({
  start: new Date(from).toISOString(),
  end: new Date(to).toISOString(),
});

async function read(
  topic: string,
  span: Span,
  more: Readonly<Record<string, string | number>>,
  signal: AbortSignal,
): Promise<[HistoryRows, { readonly type?: string; readonly units?: string }]> {
  const query = { topic, ...rangeOf(span), ...more };
  const { values, metadata } = await api.get<HistoryAnswer>("history", { query, signal });
  return [Object.values(values)[0] ?? [], Object.values(metadata)[0] ?? {}];
}

function isNumeric(type: string, rows: HistoryRows): boolean {
  if (["integer", "float", "boolean"].includes(type)) return true;
  // A store may lack the type of what others published.
  return type === "" && rows.some(([, value]) => typeof value === "number" || typeof value === "boolean");
}

/** Returns when a text became another one. The same text after a gap is no change. */
function changesOf(rows: HistoryRows): TextChange[] {
  const changes: { from: number; to: number; text: string }[] = [];
  for (const [time, value] of rows) {
    if (value === null) continue;
    const at = Date.parse(time);
    const text = typeof value === "string" ? value : JSON.stringify(value);
    const last = changes.at(-1);
    if (last) last.to = at;
    if (last?.text !== text) changes.push({ from: at, to: at, text });
  }
  return changes.reverse();
}

import { useMemo } from "preact/hooks";
import { MOST_SERIES } from "../../kit/chart/chart-data.ts";
import { place, setQuery } from "../../state/browser/router.ts";
import { useSignalValue } from "../../state/browser/signal.ts";

/** Ways to make one value of all values of a period. */
export const AGGREGATES = ["avg", "min", "max", "sum", "count", "first", "last"] as const;
export type Aggregate = (typeof AGGREGATES)[number];

/** Periods to choose from, with their length in milliseconds; a month is as long as its longest. */
export const PERIODS = {
  "5m": 300_000,
  "15m": 900_000,
  "1h": 3_600_000,
  "1d": 86_400_000,
  "1w": 604_800_000,
  "1M": 2_678_400_000,
} as const;
export type Period = keyof typeof PERIODS;

/** What the reader looks at, besides the range; all of it is part of the address. */
export interface Choice {
  readonly topics: readonly string[];
  /** Absent: as many of the stored values as the chart has room for. */
  readonly aggregate: Aggregate | undefined;
  /** Absent: by the length of the range. */
  readonly period: Period | undefined;
  /** A chart for each point, one below the other. */
  readonly apart: boolean;
}

/** `?topic=…&topic=…&agg=avg&period=1h&charts=apart` */
export function useChoice(): Choice {
  const { query } = useSignalValue(place);
  const topics = query.getAll("topic");
  const aggregate = oneOf(AGGREGATES, query.get("agg"));
  const period = oneOf(Object.keys(PERIODS) as Period[], query.get("period"));
  const apart = query.get("charts") === "apart";
  return useMemo(
    () => ({ topics: [...new Set(topics)].slice(0, MOST_SERIES), aggregate, period, apart }),
    [topics.join("\n"), aggregate, period, apart],
  );
}

/** Other points are an entry of the history: the way back leads to those before. */
export function chooseTopics(topics: readonly string[]): void {
  setQuery({ topic: topics }, { entry: true });
}

/** Returns the period that is used: about a hundred values, or what the reader chose. */
export function periodOf({ period }: Choice, { from, to }: { from: number; to: number }): Period {
  const names = Object.keys(PERIODS) as Period[];
  return period ?? names.find((name) => (to - from) / PERIODS[name] <= 200) ?? "1M";
}

/** A topic's device and point. */
export function partsOf(topic: string): { readonly device: string; readonly point: string } {
  const at = topic.lastIndexOf("/");
  return { device: topic.slice(0, Math.max(0, at)), point: topic.slice(at + 1) };
}

function oneOf<Word extends string>(list: readonly Word[], text: string | null): Word | undefined {
  return list.find((one) => one === text);
}

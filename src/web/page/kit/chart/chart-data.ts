/** A line of a chart. */
export interface ChartSeries {
  readonly label: string;
  readonly unit: string;
  /** Ascending, in milliseconds since 1970. */
  readonly times: readonly number[];
  /** One for each time; null where it is known that there is none. */
  readonly values: readonly (number | null)[];
  /** A value holds until the next one: limits and states. */
  readonly step?: boolean;
  readonly dashed?: boolean;
  /** One of the eight colours, from 1. Default: by its place. */
  readonly colour?: number;
  /** A longer time without a value is drawn as a gap, in milliseconds. Default: 5 times the usual distance. */
  readonly gap?: number;
  /** Each value is that of a period of this length, in milliseconds: it is drawn up to the end of its period, and no further. */
  readonly holds?: number;
}

/** Number of lines that differ in colour. */
export const MOST_SERIES = 8;

/** Name of the colour of a series in styles/tokens.css. */
export function seriesColour({ colour }: Pick<ChartSeries, "colour">, index: number): string {
  return `--series-${(((colour ?? index + 1) - 1) % MOST_SERIES) + 1}`;
}

/** A span of time with a ground of its own, e.g. a session or an event. */
export interface ChartBand {
  readonly from: number;
  readonly to: number;
  readonly label: string;
}

/** Times of all series, and for each series a value at each of them: undefined where only another one has a value. */
export interface JoinedSeries {
  readonly times: number[];
  readonly columns: (number | null | undefined)[][];
}

/** Joins series by their times; a null in the middle of each gap keeps lines from bridging it. */
export function joinSeries(series: readonly ChartSeries[]): JoinedSeries {
  const withGaps = series.map(markGaps);
  const times = [...new Set(withGaps.flatMap((one) => one.times))].sort((a, b) => a - b);
  const columns = withGaps.map((one) => {
    let at = 0;
    const column = times.map((time) => {
      if (one.times[at] !== time) return undefined;
      return one.values[at++];
    });
    return widenGaps(column);
  });
  return { times, columns };
}

/** A gap reaches from value to value, also where other series have values in between. */
function widenGaps(column: (number | null | undefined)[]): (number | null | undefined)[] {
  for (const [index, value] of column.entries()) {
    if (value !== null) continue;
    for (let at = index - 1; column[at] === undefined && at >= 0; at--) column[at] = null;
    for (let at = index + 1; column[at] === undefined && at < column.length; at++) column[at] = null;
  }
  return column;
}

function markGaps(series: ChartSeries): { times: number[]; values: (number | null)[] } {
  const { times, values, gap, step, holds } = series;
  if (holds !== undefined) return endPeriods(series, holds);
  const longest = gap ?? (step ? Number.POSITIVE_INFINITY : usualDistance(times) * 5);
  const marked: { times: number[]; values: (number | null)[] } = { times: [], values: [] };
  let before: number | undefined;
  for (const [index, time] of times.entries()) {
    if (time === before) continue;
    if (before !== undefined && time - before > longest) {
      marked.times.push(Math.round((before + time) / 2));
      marked.values.push(null);
    }
    marked.times.push(time);
    marked.values.push(values[index] ?? null);
    before = time;
  }
  return marked;
}

function endPeriods(
  { times, values }: ChartSeries,
  holds: number,
): { times: number[]; values: (number | null)[] } {
  const marked: { times: number[]; values: (number | null)[] } = { times: [], values: [] };
  for (const [index, time] of times.entries()) {
    marked.times.push(time);
    marked.values.push(values[index] ?? null);
    const end = time + holds;
    const next = times[index + 1] ?? Number.POSITIVE_INFINITY;
    if (next <= end) continue;
    marked.times.push(end - 1, end);
    marked.values.push(values[index] ?? null, null);
  }
  return marked;
}

/** The median distance: a few gaps do not move it. */
function usualDistance(times: readonly number[]): number {
  if (times.length < 3) return Number.POSITIVE_INFINITY;
  const distances = times.slice(1).map((time, index) => time - times[index]!);
  return Math.max(1, distances.sort((a, b) => a - b)[Math.floor(distances.length / 2)]!);
}

/** A series in one sentence, for readers who do not see the line. */
export function inWords({ label, unit, values }: ChartSeries): string {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return `${label}: no values`;
  const least = known.reduce((a, b) => Math.min(a, b));
  const most = known.reduce((a, b) => Math.max(a, b));
  const round = (value: number): string => String(Number(value.toPrecision(3)));
  return `${label}: ${round(least)} to ${round(most)} ${unit}, last ${round(known.at(-1)!)} ${unit}`;
}

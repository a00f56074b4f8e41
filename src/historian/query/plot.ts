import type { HistorianBackend, Row, ThinRequest } from "../contract.ts";
import { ROWS_PER_PERIOD, Thinning } from "../thinning.ts";
import { readPages } from "./pages.ts";

export interface PlotRange {
  readonly start?: number;
  readonly end?: number;
  /** Maximum number of values, about. */
  readonly points: number;
}

/** Number of rows at each end of the range that show how often the topic is read. */
const SOME_ROWS = 100;
/** Maximum distance of two values without a gap, in usual steps. */
const LONGEST_STEP = 1.5;
const MICROSECONDS_PER_MS = 1000;

/**
 * Returns the values of a topic as a plot of `points` pixels shows them, first to last, see {@link Thinning}; and null at the time
 * where values are missing, so that a line is not drawn across a gap. Gaps shorter than a pixel are not shown.
 */
export async function readPlot(
  backend: HistorianBackend,
  topic: string,
  { start, end, points }: PlotRange,
  signal?: AbortSignal,
): Promise<Row[]> {
  const range = { topic, ...(start !== undefined && { start }), ...(end !== undefined && { end }) };
  const first = await backend.read({ ...range, order: "FIRST_TO_LAST", skip: 0, limit: SOME_ROWS }, signal);
  if (first.length < SOME_ROWS && first.length <= points) return withGaps(first, usualStep(first));
  const last = await backend.read({ ...range, order: "LAST_TO_FIRST", skip: 0, limit: SOME_ROWS }, signal);
  const from = start ?? first[0]![0];
  const to = end ?? last[0]![0] + 1;
  const periods = Math.max(Math.floor(points / ROWS_PER_PERIOD), 1);
  const period = Math.max(Math.ceil((to - from) / periods), MICROSECONDS_PER_MS);
  const step = Math.max(usualStep(first), usualStep(last.toReversed()));
  const rows = await thinned(backend, { topic, start: from, end: to, period }, signal);
  return withGaps(rows, step, period);
}

async function thinned(
  backend: HistorianBackend,
  request: ThinRequest,
  signal: AbortSignal | undefined,
): Promise<readonly Row[]> {
  const { topic, end } = request;
  if (!backend.thin) {
    const thinning = new Thinning(request.period);
    const range = { order: "FIRST_TO_LAST", skip: 0, count: Number.POSITIVE_INFINITY } as const;
    for await (const page of readPages(backend, topic, { ...range, start: request.start, end }, signal))
      for (const [time, value] of page) thinning.add(time, value);
    return thinning.finish();
  }
  const rows: Row[] = [];
  for (let start: number | undefined = request.start; start !== undefined; ) {
    const part = await backend.thin({ ...request, start }, signal);
    rows.push(...part.rows);
    start = part.next;
  }
  return rows;
}

/** Returns the median distance of rows in the order of time; 0 where there is none. */
function usualStep(rows: readonly Row[]): number {
  const steps = rows.slice(1).map(([time], at) => time - rows[at]![0]);
  return steps.sort((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 0;
}

/** Adds a row with null where the next value was due. `period`: that of rows that were thinned. */
function withGaps(rows: readonly Row[], step: number, period = 0): Row[] {
  const longest = Math.max(LONGEST_STEP * step, period);
  return rows.flatMap((row, at) => {
    const before = rows[at - 1]?.[0] ?? row[0];
    return step > 0 && row[0] - before > longest ? [[before + step, null] as const, row] : [row];
  });
}

/** Smallest and largest number of points of a plot. */
export const PLOT_POINTS = { min: 10, max: 10_000 } as const;

import type { HistorianBackend, Order, RolledUp, Rollup, Row } from "../contract.ts";
import { DAY, HOUR, remainder } from "../time.ts";
import { readPages } from "./pages.ts";
import type { Calendar, TimeSpan } from "./period.ts";

/** Rows, or hours whose values are not needed one by one, in the order that was asked for. */
export type HistoryPart =
  | { readonly rows: readonly Row[]; readonly hours?: undefined }
  | { readonly rows?: undefined; readonly hours: readonly Rollup[] };

interface TopicRange {
  readonly topic: string;
  readonly start?: number;
  readonly end?: number;
  readonly order: Order;
}

/** First range whose rollups are asked for; the next ones are longer, so that a query that ends early reads little. */
const FIRST_RANGE = 31 * DAY;
/** Longest range whose rollups a store returns. */
const LONGEST_RANGE = 365 * DAY;
const GROWTH = 4;

/**
 * Reads one topic for an aggregate: hourly rollups where the store has them and the hour lies within one period, all values
 * elsewhere. No value is read twice.
 */
export async function* readParts(
  backend: HistorianBackend,
  range: TopicRange,
  calendar: Calendar,
  signal?: AbortSignal,
): AsyncGenerator<HistoryPart> {
  const { topic, order } = range;
  const all = { skip: 0, count: Number.POSITIVE_INFINITY, order };
  if (!backend.rollups || !mayHoldHours(calendar)) {
    for await (const rows of readPages(backend, topic, { ...range, ...all }, signal)) yield { rows };
    return;
  }
  for await (const span of spansOf(backend, range, signal)) {
    const hours = {
      start: span.start + remainder(-span.start, HOUR),
      end: span.end - remainder(span.end, HOUR),
    };
    const rolledUp = hours.start < hours.end ? await backend.rollups({ topic, ...hours }, signal) : [];
    const sections = sectionsOf(span, rolledUp, calendar);
    if (order === "LAST_TO_FIRST") sections.reverse();
    for (const { start, end, hours } of sections) {
      if (hours) yield { hours: order === "FIRST_TO_LAST" ? hours : hours.toReversed() };
      else for await (const rows of readPages(backend, topic, { ...all, start, end }, signal)) yield { rows };
    }
  }
}

/** Whether a period is long enough for an hour that begins at any time. */
function mayHoldHours({ period: { count, unit } }: Calendar): boolean {
  return unit !== "m" || count > 60;
}

/** Cuts a range into ranges of which rollups can be asked for, whose borders are whole hours. */
async function* spansOf(
  backend: HistorianBackend,
  range: TopicRange,
  signal: AbortSignal | undefined,
): AsyncGenerator<TimeSpan> {
  const { start, end } = await boundsOf(backend, range, signal);
  let length = FIRST_RANGE;
  for (let from = start, to = end; from < to; length = Math.min(length * GROWTH, LONGEST_RANGE)) {
    if (range.order === "FIRST_TO_LAST") {
      const next = Math.min(from - remainder(from, HOUR) + length, to);
      yield { start: from, end: next };
      from = next;
    } else {
      const next = Math.max(to + remainder(-to, HOUR) - length, from);
      yield { start: next, end: to };
      to = next;
    }
  }
}

/** Returns the ends of a range; of a long one those of its values, so that the time before and after them costs nothing. */
async function boundsOf(
  backend: HistorianBackend,
  { topic, start, end }: TopicRange,
  signal: AbortSignal | undefined,
): Promise<TimeSpan> {
  if (start !== undefined && end !== undefined && end - start <= LONGEST_RANGE) return { start, end };
  const ends = (["FIRST_TO_LAST", "LAST_TO_FIRST"] as const).map((order) =>
    backend.read({ topic, start, end, order, skip: 0, limit: 1 }, signal),
  );
  const [[first], [last]] = (await Promise.all(ends)) as [readonly Row[], readonly Row[]];
  return first && last ? { start: first[0], end: last[0] + 1 } : { start: 0, end: 0 };
}

interface Section extends TimeSpan {
  /** Absent: the values of this range must be read. */
  readonly hours?: readonly Rollup[];
}

/** Divides a range into hours that are rolled up within one period, and the rest. */
function sectionsOf({ start, end }: TimeSpan, rolledUp: readonly RolledUp[], calendar: Calendar): Section[] {
  const sections: { start: number; end: number; hours?: Rollup[] }[] = [];
  const add = (from: number, to: number, hour?: Rollup): void => {
    const last = sections.at(-1);
    if (from >= to) return;
    if (!last || (last.hours === undefined) !== (hour === undefined))
      sections.push({ start: from, end: to, ...(hour && { hours: [hour] }) });
    else {
      // Between two sections of one kind are hours without values.
      last.end = to;
      if (hour) last.hours?.push(hour);
    }
  };
  let done = start;
  for (const part of rolledUp) {
    add(done, Math.min(part.start, end));
    for (const hour of part.hours) {
      const next = hour.start + HOUR;
      const isWhole = hour.start >= start && next <= end && calendar.at(hour.start).end >= next;
      if (isWhole) add(hour.start, next, hour);
      else add(Math.max(hour.start, start), Math.min(next, end));
    }
    done = Math.max(done, Math.min(part.end, end));
  }
  add(done, end);
  return sections;
}

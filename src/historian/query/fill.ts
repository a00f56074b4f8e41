import type { PointValue } from "../../points/index.ts";
import type { HistorianBackend, Order, Row } from "../contract.ts";
import { RollupFold } from "../rollup.ts";
import { HOUR } from "../time.ts";
import { type PeriodSums, sumsOf } from "./aggregate.ts";
import { readPages } from "./pages.ts";
import type { Calendar, TimeSpan } from "./period.ts";

/** Longest time for which a value holds without a newer one: what is stored on change is stored once an hour, with the next scrape. */
const LONGEST_HOLD = 2 * HOUR;

export interface FillRange {
  readonly topic: string;
  readonly start?: number;
  readonly end?: number;
  readonly order: Order;
}

/** Reads the rows of a range, and at its start the value that held then. */
export async function* readFilled(
  backend: HistorianBackend,
  range: FillRange,
  signal?: AbortSignal,
): AsyncGenerator<readonly Row[]> {
  const { start, order } = range;
  const pages = readPages(
    backend,
    range.topic,
    { ...range, skip: 0, count: Number.POSITIVE_INFINITY },
    signal,
  );
  const before = (await previous(backend, range, signal))?.[1] ?? null;
  let filled: readonly Row[] = start === undefined || before === null ? [] : [[start, before]];
  for await (const page of pages) {
    const [nearest] = order === "FIRST_TO_LAST" ? page[0]! : page.at(-1)!;
    if (nearest === start) filled = [];
    if (order === "FIRST_TO_LAST") {
      if (filled.length > 0) yield filled;
      filled = [];
    }
    yield page;
  }
  if (filled.length > 0) yield filled;
}

/** Returns the row before the start of a range, if its value still holds there. */
async function previous(
  backend: HistorianBackend,
  { topic, start }: FillRange,
  signal: AbortSignal | undefined,
): Promise<Row | undefined> {
  if (start === undefined) return undefined;
  const range = { topic, start: start - LONGEST_HOLD + 1, end: start };
  const [row] = await backend.read({ ...range, order: "LAST_TO_FIRST", skip: 0, limit: 1 }, signal);
  return row;
}

/**
 * Adds up a topic by period as if its values were there all the time: each holds until the next one (a null ends it), for two hours at
 * most, and not beyond `now`. A period that begins while a value holds has that value first.
 */
export async function* sumUpHeld(
  backend: HistorianBackend,
  range: FillRange,
  { calendar, now }: { readonly calendar: Calendar; readonly now: number },
  signal?: AbortSignal,
): AsyncGenerator<readonly PeriodSums[]> {
  const { order, start = Number.NEGATIVE_INFINITY, end = Number.POSITIVE_INFINITY } = range;
  let current: HeldFold | undefined;
  for await (const stretches of held(backend, range, signal)) {
    const done: PeriodSums[] = [];
    for (const { value, from, until } of stretches) {
      if (value === null) continue;
      const to = from < now ? Math.min(until, end, now) : from;
      if (from < start && to <= start) continue;
      for (const span of spansOf(Math.max(from, start), to, calendar, order)) {
        if (current?.span.start !== span.start) {
          if (current) done.push(...current.sums());
          current = new HeldFold(span);
        }
        current.add(value, Math.max(from, start, span.start), Math.min(to, span.end));
      }
    }
    if (done.length > 0) yield done;
  }
  const last = current?.sums() ?? [];
  if (last.length > 0) yield last;
}

interface Stretch {
  readonly value: PointValue;
  readonly from: number;
  readonly until: number;
}

/** Reads values with the time for which they hold, the one before the range included, in its order. */
async function* held(
  backend: HistorianBackend,
  range: FillRange,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly Stretch[]> {
  const all = { ...range, skip: 0, count: Number.POSITIVE_INFINITY };
  const before = await previous(backend, range, signal);
  const stretch = ([from, value]: Row, next: Row | undefined): Stretch => ({
    ...{ value, from, until: Math.min(from + LONGEST_HOLD, next?.[0] ?? Number.POSITIVE_INFINITY) },
  });
  if (range.order === "LAST_TO_FIRST") {
    let next: Row | undefined;
    for await (const page of readPages(backend, range.topic, all, signal)) {
      yield page.map((row, at) => stretch(row, page[at - 1] ?? next));
      next = page.at(-1);
    }
    if (before) yield [stretch(before, next)];
    return;
  }
  // The last row of a page waits for the first one of the next.
  let waiting = before;
  for await (const page of readPages(backend, range.topic, all, signal)) {
    const rows = waiting ? [waiting, ...page] : page;
    yield rows.slice(0, -1).map((row, at) => stretch(row, rows[at + 1]));
    waiting = rows.at(-1);
  }
  if (waiting) yield [stretch(waiting, undefined)];
}

/** Returns the periods that a stretch of time touches, in an order. */
function spansOf(from: number, to: number, calendar: Calendar, order: Order): readonly TimeSpan[] {
  const spans: TimeSpan[] = [];
  for (let span = calendar.at(from); ; span = calendar.beside(span, "FIRST_TO_LAST")) {
    spans.push(span);
    if (span.end >= to) return order === "FIRST_TO_LAST" ? spans : spans.reverse();
  }
}

class HeldFold {
  readonly span: TimeSpan;
  readonly #fold: RollupFold;
  #time = 0;
  #weighted = 0;

  constructor(span: TimeSpan) {
    this.span = span;
    this.#fold = new RollupFold(span.start);
  }

  add(value: PointValue, from: number, to: number): void {
    this.#fold.add([from, value]);
    if (typeof value !== "number" && typeof value !== "boolean") return;
    const time = Math.max(to - from, 0);
    this.#time += time;
    this.#weighted += Number(value) * time;
  }

  sums(): readonly PeriodSums[] {
    return sumsOf(this.span, this.#fold, { time: this.#time, weighted: this.#weighted });
  }
}

import type { Order } from "../contract.ts";
import { RollupFold } from "../rollup.ts";
import type { PeriodSums } from "./aggregate.ts";
import type { Calendar, TimeSpan } from "./period.ts";

interface Range {
  /** Inclusive. */
  readonly start?: number;
  /** Exclusive. */
  readonly end?: number;
}

/** Returns the range whose values are needed for the windows of `size` periods that end in a range. */
export function rangeOfWindows({ start, end }: Range, calendar: Calendar, size: number): Range {
  if (start === undefined) return { end: end === undefined ? undefined : calendar.at(end - 1).start };
  let first = calendar.at(start - 1);
  for (let periods = 1; periods < size; periods++) first = calendar.beside(first, "LAST_TO_FIRST");
  const until = end === undefined ? undefined : Math.max(calendar.at(end - 1).start, first.start);
  return { start: first.start, end: until };
}

/**
 * Turns the sums of periods into those of a window of `size` periods that moves on by one period at a time, for each end of a period
 * that lies in the range. Without an end of the range, the last window ends with the last period that has a value.
 */
export async function* slide(
  pages: AsyncIterable<readonly PeriodSums[]>,
  { calendar, size, order, range }: { calendar: Calendar; size: number; order: Order; range: Range },
): AsyncGenerator<readonly PeriodSums[]> {
  const forwards = order === "FIRST_TO_LAST";
  const window = new Window(size);
  const { start = Number.NEGATIVE_INFINITY } = range;
  let end = range.end ?? (forwards ? Number.POSITIVE_INFINITY : undefined);
  let last: TimeSpan | undefined;
  const push = (span: TimeSpan, sums?: PeriodSums): readonly PeriodSums[] => {
    last = span;
    const oldest = window.push(span, sums);
    // In the order of time a window is complete with its last period, against it with its first.
    const label = forwards ? span : window.isFull ? oldest : undefined;
    const total = label && label.end >= start && label.end < end! ? window.total(label) : undefined;
    return total ? [total] : [];
  };
  for await (const page of pages) {
    const rows: PeriodSums[] = [];
    for (const sums of page) {
      end ??= sums.span.end + 1;
      for (let empties = 1; last && empties <= size; empties++) {
        const next = calendar.beside(last, order);
        if (next.start === sums.span.start) break;
        rows.push(...push(next));
      }
      if (!forwards) for (const span of newerThan(sums.span, last, calendar, size)) rows.push(...push(span));
      rows.push(...push(sums.span, sums));
    }
    if (rows.length > 0) yield rows;
  }
  // What remains are windows that have their values at their older end, or, against the order of time, at their newer one.
  if (!last || (forwards && range.end === undefined)) return;
  const rows: PeriodSums[] = [];
  for (let empties = 1; empties < size; empties++) rows.push(...push(calendar.beside(last, order)));
  if (rows.length > 0) yield rows;
}

/** Returns up to `size` - 1 periods before `last` (against the order of time) that are newer than another one, the newest first. */
function newerThan(span: TimeSpan, last: TimeSpan | undefined, calendar: Calendar, size: number): TimeSpan[] {
  const spans: TimeSpan[] = [];
  for (let next = calendar.beside(span, "FIRST_TO_LAST"); spans.length < size - 1; ) {
    if (last && next.start >= last.start) break;
    spans.unshift(next);
    next = calendar.beside(next, "FIRST_TO_LAST");
  }
  return spans;
}

/** The sums of the last periods that were pushed: the older ones added up from each on, the newer ones all together. */
class Window {
  readonly #size: number;
  readonly #spans: TimeSpan[] = [];
  #newer: (PeriodSums | undefined)[] = [];
  #older: (PeriodSums | undefined)[] = [];
  #sumOfNewer: PeriodSums | undefined;

  constructor(size: number) {
    this.#size = size;
  }

  get isFull(): boolean {
    return this.#spans.length === this.#size;
  }

  /** Returns the period that was pushed first. */
  push(span: TimeSpan, sums: PeriodSums | undefined): TimeSpan {
    if (this.isFull) this.#shift();
    this.#spans.push(span);
    this.#newer.push(sums);
    this.#sumOfNewer = merged(this.#sumOfNewer, sums);
    return this.#spans[0]!;
  }

  total(span: TimeSpan): PeriodSums | undefined {
    const sums = merged(this.#older.at(-1), this.#sumOfNewer);
    return sums && { ...sums, span };
  }

  #shift(): void {
    this.#spans.shift();
    if (this.#older.length === 0) {
      let sum: PeriodSums | undefined;
      for (const sums of this.#newer.reverse()) {
        sum = merged(sum, sums);
        this.#older.push(sum);
      }
      this.#newer = [];
      this.#sumOfNewer = undefined;
    }
    this.#older.pop();
  }
}

function merged(a: PeriodSums | undefined, b: PeriodSums | undefined): PeriodSums | undefined {
  if (!a || !b) return a ?? b;
  const fold = new RollupFold(0);
  fold.addRollup(a.rollup);
  fold.addRollup(b.rollup);
  const held = a.held &&
    b.held && { time: a.held.time + b.held.time, weighted: a.held.weighted + b.held.weighted };
  return { span: b.span, rollup: fold.rollup()!, held };
}

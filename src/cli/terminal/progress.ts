import { duration } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** How far one phase of a long command is. */
export interface Step {
  /** What is counted; a new name begins a new phase. */
  readonly phase: string;
  readonly count: number;
  /** The time up to which everything is done, within a range whose end is known: the time left follows from it. */
  readonly reached?: string | undefined;
  readonly from?: string;
  readonly to?: string;
  /** Part that is done, from 0 to 1, where it does not follow from the times. */
  readonly share?: number;
}

/** Width of the bar, in characters. */
const WIDTH = 24;
/** Minimum time between two drawings of the line, in milliseconds. */
const EVERY_MS = 200;
/** Time after which a rate is shown, in milliseconds: an earlier one is chance. */
const SETTLE_MS = 1000;

/** The progress of a long command: one line on standard error that is rewritten while that is a screen. */
export class Progress {
  readonly #terminal: Terminal;
  readonly #now: () => number;
  readonly #linesEveryMs: number | undefined;
  #shownAt = Number.NEGATIVE_INFINITY;
  #start:
    | { readonly phase: string; readonly at: number; readonly count: number; readonly share?: number }
    | undefined;

  /** `linesEveryMs`: prints a line this often where there is no screen; nothing by default. */
  constructor(terminal: Terminal, linesEveryMs?: number, now = () => performance.now()) {
    this.#terminal = terminal;
    this.#linesEveryMs = linesEveryMs;
    this.#now = now;
  }

  show(step: Step): void {
    const now = this.#now();
    const share = shareOf(step);
    const { phase, count } = step;
    const isNew = this.#start?.phase !== phase || (this.#start.share === undefined && share !== undefined);
    if (isNew) this.#start = { phase, at: now, count, ...(share !== undefined && { share }) };
    const isScreen = this.#terminal.streams?.err.isTTY ?? false;
    const everyMs = isScreen ? EVERY_MS : this.#linesEveryMs;
    if (everyMs === undefined || now - this.#shownAt < everyMs) return;
    this.#shownAt = now;
    const line = this.#line(step, share, now);
    if (isScreen) this.#terminal.progress(line);
    else this.#terminal.err(`${line}\n`);
  }

  /** Passes on items and shows their number. */
  async *counting<T>(phase: string, items: AsyncIterable<T>, sizeOf = (_: T) => 1): AsyncGenerator<T> {
    let count = 0;
    for await (const item of items) {
      count += sizeOf(item);
      this.show({ phase, count });
      yield item;
    }
  }

  /** `sessions  ████░░░░   13 %  9460, 310/s, 3 min left  up to 2025-12-22T15:29:09Z` */
  #line({ phase, count, reached }: Step, share: number | undefined, now: number): string {
    const { at, count: before, share: shareBefore = 0 } = this.#start!;
    const seconds = (now - at) / 1000;
    const isSettled = now - at >= SETTLE_MS;
    const full = Math.round((share ?? 0) * WIDTH);
    const bar = `${"█".repeat(full)}${"░".repeat(WIDTH - full)} ${String(Math.floor((share ?? 0) * 100)).padStart(3)} %`;
    const rate = (count - before) / seconds;
    const left =
      share === undefined || share <= shareBefore
        ? undefined
        : (seconds * (1 - share)) / (share - shareBefore);
    const figures = [
      String(count),
      ...(isSettled && rate > 0 ? [`${rate < 10 ? rate.toFixed(1) : Math.round(rate)}/s`] : []),
      ...(isSettled && left !== undefined ? [`${duration(left)} left`] : []),
    ];
    return [
      phase.padEnd(9),
      ...(share === undefined ? [] : [bar]),
      figures.join(", "),
      ...(reached === undefined ? [] : [`up to ${reached}`]),
    ].join("  ");
  }
}

/** Undefined where the end is not known. */
function shareOf({ reached, from, to, share }: Step): number | undefined {
  if (share !== undefined) return share;
  if (reached === undefined || from === undefined || to === undefined) return undefined;
  const [here, start, end] = [reached, from, to].map((time) => Date.parse(time)) as [number, number, number];
  return end > start ? Math.min(1, Math.max(0, (here - start) / (end - start))) : 1;
}

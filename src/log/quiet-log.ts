import type { Clock } from "../time/clock.ts";
import type { Log, LogFields } from "./log.ts";

const WINDOW_MS = 600_000;
const LINES_PER_WINDOW = 10;

interface Window {
  startedAt: number;
  lines: number;
  suppressed: number;
}

/** Writes at most ten lines of a kind in ten minutes, then counts what it holds back and says so with the next line. */
export class QuietLog {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #windows = new Map<string, Window>();

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  write(level: "info" | "warn" | "error", kind: string, text: string, fields: LogFields = {}): void {
    const now = this.#clock.monotonic();
    let window = this.#windows.get(kind);
    const before = window?.suppressed ?? 0;
    if (!window || now - window.startedAt >= WINDOW_MS) {
      window = { startedAt: now, lines: 0, suppressed: 0 };
      this.#windows.set(kind, window);
      if (before > 0) text += ` (and ${before} more like it before)`;
    }
    if (window.lines >= LINES_PER_WINDOW) {
      window.suppressed++;
      return;
    }
    window.lines++;
    const last =
      window.lines === LINES_PER_WINDOW ? "; for ten minutes, more of this kind are only counted" : "";
    this.#log[level](text + last, fields);
  }
}

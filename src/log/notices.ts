import type { Bus, Notice } from "../bus.ts";
import { type Clock, systemClock } from "../time/clock.ts";
import type { Log, LogFields } from "./log.ts";

/** Minimum time between two equal notices about the same device, in milliseconds. */
const REPEAT_MS = 3_600_000;
const MAX_REPORTED = 1000;
const WINDOW_MS = 600_000;
const LINES_PER_WINDOW = 10;

/** Notifies operators once, by a log line and an event on the bus. */
export class Notices {
  readonly #bus: Bus;
  readonly #log: QuietLog;
  readonly #clock: Clock;
  readonly #reported: Reported;

  constructor(bus: Bus, log: Log, clock: Clock) {
    this.#bus = bus;
    this.#log = new QuietLog(log, clock);
    this.#clock = clock;
    this.#reported = new Reported(clock, REPEAT_MS, MAX_REPORTED);
  }

  say(severity: Notice["severity"], kind: string, text: string, device?: string): void {
    if (!this.#reported.isNew(`${kind} ${device ?? ""}`, text)) return;
    const about = device !== undefined && { device };
    this.#log.write(severity === "warning" ? "warn" : severity, kind, text, { kind, ...about });
    this.#bus.emit("notice", { severity, kind, text, at: new Date(this.#clock.now()), ...about });
  }
}

/** Tracks what was reported by key, so that it is reported once: again with another text, or after it had ended. */
export class Reported {
  readonly #clock: Clock;
  readonly #repeatMs: number;
  readonly #most: number;
  readonly #last = new Map<string, { readonly text: string; readonly at: number }>();

  /** The same text is reported again after `repeatMs`. Above `most` keys, all are forgotten. */
  constructor(
    clock: Clock = systemClock,
    repeatMs = Number.POSITIVE_INFINITY,
    most = Number.POSITIVE_INFINITY,
  ) {
    this.#clock = clock;
    this.#repeatMs = repeatMs;
    this.#most = most;
  }

  /** Returns whether a text must be reported, and marks it as reported. */
  isNew(key: string, text = ""): boolean {
    const at = this.#clock.monotonic();
    const last = this.#last.get(key);
    if (last?.text === text && at - last.at < this.#repeatMs) return false;
    if (this.#last.size >= this.#most) this.clear();
    this.#last.set(key, { text, at });
    return true;
  }

  /** Called when the reported condition has ended. Returns whether it was reported. */
  ended(key: string): boolean {
    return this.#last.delete(key);
  }

  clear(): void {
    this.#last.clear();
  }
}

interface Window {
  startedAt: number;
  lines: number;
  suppressed: number;
}

/** Writes at most ten lines of a kind in ten minutes, counts further ones, and adds their number to the next line. */
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
      if (before > 0) text += ` (${before} similar messages were suppressed before)`;
    }
    if (window.lines >= LINES_PER_WINDOW) {
      window.suppressed++;
      return;
    }
    window.lines++;
    const last =
      window.lines === LINES_PER_WINDOW
        ? "; further messages of this kind are suppressed for ten minutes"
        : "";
    this.#log[level](text + last, fields);
  }
}

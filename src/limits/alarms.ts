import type { Notices } from "../log/notices.ts";
import type { Clock } from "../time/clock.ts";

const REMIND_MS = 3_600_000;

/** What is wrong with a group: said when it begins, each hour while it goes on, and when it is over. */
export class Alarms {
  readonly #notices: Notices;
  readonly #clock: Clock;
  readonly #raised = new Map<string, number>();

  constructor(notices: Notices, clock: Clock) {
    this.#notices = notices;
    this.#clock = clock;
  }

  raise(severity: "warning" | "error", kind: string, text: string): void {
    const now = this.#clock.monotonic();
    if (now - (this.#raised.get(kind) ?? Number.NEGATIVE_INFINITY) < REMIND_MS) return;
    this.#raised.set(kind, now);
    this.#notices.say(severity, kind, text);
  }

  lower(kind: string, text: string): void {
    if (this.#raised.delete(kind)) this.#notices.say("info", "limit_kept", text);
  }

  clear(): void {
    this.#raised.clear();
  }
}

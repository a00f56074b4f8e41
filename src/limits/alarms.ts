import { type Notices, Reported } from "../log/notices.ts";
import type { Clock } from "../time/clock.ts";

const REMIND_MS = 3_600_000;

/** Faults of a group: reported when they begin, every hour while they last, and when they end. */
export class Alarms {
  readonly #notices: Notices;
  readonly #reported: Reported;

  constructor(notices: Notices, clock: Clock) {
    this.#notices = notices;
    this.#reported = new Reported(clock, REMIND_MS);
  }

  raise(severity: "warning" | "error", kind: string, text: string): void {
    if (this.#reported.isNew(kind)) this.#notices.say(severity, kind, text);
  }

  lower(kind: string, text: string): void {
    if (this.#reported.ended(kind)) this.#notices.say("info", "limit_kept", text);
  }

  clear(): void {
    this.#reported.clear();
  }
}

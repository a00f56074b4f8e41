import type { Bus } from "../bus.ts";
import type { Log } from "../log/log.ts";
import type { Clock } from "../time/clock.ts";

/** Records every change of a limit with one log line and one event. */
export class Journal {
  readonly #bus: Bus;
  readonly #log: Log;
  readonly #clock: Clock;

  constructor(bus: Bus, log: Log, clock: Clock) {
    this.#bus = bus;
    this.#log = log;
    this.#clock = clock;
  }

  changed(text: string, device: string): void {
    const kind = "limit_changed";
    this.#log.info(text, { kind });
    this.#bus.emit("notice", { severity: "info", kind, text, at: new Date(this.#clock.now()), device });
  }
}

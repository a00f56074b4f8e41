import type { Bus, Notice } from "../bus.ts";
import type { Clock } from "../time/clock.ts";
import type { Log } from "./log.ts";
import { QuietLog } from "./quiet-log.ts";

/** The same words about the same thing are said again only after so long. */
const REPEAT_MS = 3_600_000;
const REMEMBERED = 1000;

/** Tells the operators something: a log line and an event on the bus, once. */
export class Notices {
  readonly #bus: Bus;
  readonly #log: QuietLog;
  readonly #clock: Clock;
  readonly #said = new Map<string, { text: string; at: number }>();

  constructor(bus: Bus, log: Log, clock: Clock) {
    this.#bus = bus;
    this.#log = new QuietLog(log, clock);
    this.#clock = clock;
  }

  say(severity: Notice["severity"], kind: string, text: string, device?: string): void {
    const key = `${kind} ${device ?? ""}`;
    const last = this.#said.get(key);
    const at = this.#clock.monotonic();
    if (last?.text === text && at - last.at < REPEAT_MS) return;
    if (this.#said.size >= REMEMBERED) this.#said.clear();
    this.#said.set(key, { text, at });
    const fields = { kind, ...(device !== undefined && { device }) };
    this.#log.write(severity === "warning" ? "warn" : severity, kind, text, fields);
    this.#bus.emit("notice", {
      severity,
      kind,
      text,
      at: new Date(this.#clock.now()),
      ...(device !== undefined && { device }),
    });
  }
}

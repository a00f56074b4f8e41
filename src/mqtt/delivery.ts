import type { Log } from "../log.ts";
import { type Link, LinkDownError, type Message } from "./link.ts";
import type { LossReports } from "./loss-reports.ts";

export interface MqttCounters {
  /** Messages the broker has (QoS 1: acknowledged). */
  readonly published: number;
  /** Messages that went nowhere because the broker was away or too slow; readings of devices wait instead. */
  readonly dropped: number;
  /** Messages the broker would not have, or no broker could. */
  readonly refused: number;
}

const REPORT_MS = 60_000;

/** Sends messages straight to the broker and keeps count of what became of them. What does not arrive is gone, and said. */
export class Delivery {
  readonly #link: Link;
  readonly #log: Log;
  readonly #reports: LossReports;
  readonly #counters = { published: 0, dropped: 0, refused: 0 };
  #droppedWhileAway = 0;
  #absenceReportedAt = Number.NEGATIVE_INFINITY;

  constructor(link: Link, log: Log, reports: LossReports) {
    this.#link = link;
    this.#log = log;
    this.#reports = reports;
  }

  get counters(): MqttCounters {
    return { ...this.#counters };
  }

  /** Never rejects. `dropped`: sending it again later is right; `refused`: it is not. */
  async send(message: Message): Promise<"published" | "dropped" | "refused"> {
    try {
      await this.#link.publish(message);
      this.#counters.published++;
      return "published";
    } catch (error) {
      const outcome = error instanceof LinkDownError ? "dropped" : "refused";
      this.#counters[outcome]++;
      // That the broker is away is said by the connection; how much was lost is said when it is back.
      if (outcome === "dropped" && !this.#link.up) this.#droppedWhileAway++;
      else this.#reports.say(outcome, message.topic, error);
      return outcome;
    }
  }

  /** After a connect: says what was lost since it was said last. */
  reportAbsence(): void {
    const now = performance.now();
    if (this.#droppedWhileAway === 0 || now - this.#absenceReportedAt < REPORT_MS) return;
    this.#log.warn("messages were dropped while the broker was away", { dropped: this.#droppedWhileAway });
    this.#absenceReportedAt = now;
    this.#droppedWhileAway = 0;
  }
}

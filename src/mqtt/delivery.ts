import type { Log } from "../log.ts";
import { type Link, LinkDownError, type Message, reasonOf } from "./link.ts";

export interface MqttCounters {
  /** Messages the broker has (QoS 1: acknowledged). */
  readonly published: number;
  /** Messages that went nowhere because the broker was away or too slow. */
  readonly dropped: number;
  /** Messages the broker would not have, or no broker could. */
  readonly refused: number;
}

const REPORT_MS = 60_000;

/**
 * Sends messages straight to the broker and keeps count of what became of them. What does not arrive is gone; it is
 * reported once with its reason and then at most once a minute with its number.
 */
export class Delivery {
  readonly #link: Link;
  readonly #log: Log;
  readonly #counters = { published: 0, dropped: 0, refused: 0 };
  /** By reason: when it was reported last, and how many came since. */
  readonly #reported = new Map<string, { at: number; since: number }>();
  #droppedWhileAway = 0;
  #absenceReportedAt = Number.NEGATIVE_INFINITY;

  constructor(link: Link, log: Log) {
    this.#link = link;
    this.#log = log;
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
      else this.#report(outcome, message, error);
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

  #report(outcome: "dropped" | "refused", message: Message, error: unknown): void {
    const key = `${outcome} ${(error as Error).name} ${(error as { code?: unknown }).code ?? ""}`;
    const now = performance.now();
    const last = this.#reported.get(key);
    if (last && now - last.at < REPORT_MS) {
      last.since++;
      return;
    }
    this.#reported.set(key, { at: now, since: 0 });
    this.#log.warn(`a message was ${outcome}: ${reasonOf(error)}`, {
      topic: message.topic,
      ...(last && last.since > 0 && { moreSinceLastReport: last.since }),
    });
  }
}

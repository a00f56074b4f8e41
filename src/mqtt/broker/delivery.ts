import type { Log, Secrets } from "../../log/log.ts";
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

type Outcome = "published" | "dropped" | "refused";

const REPORT_MS = 60_000;

/**
 * Sends messages straight to the broker, with secrets blanked, and keeps count of what became of them. What does not arrive is
 * gone, and said.
 */
export class Delivery {
  readonly #link: Link;
  readonly #log: Log;
  readonly #reports: LossReports;
  readonly #secrets: Secrets | undefined;
  readonly #counters = { published: 0, dropped: 0, refused: 0 };
  #droppedWhileAway = 0;
  #absenceReportedAt = Number.NEGATIVE_INFINITY;

  constructor(link: Link, log: Log, reports: LossReports, secrets?: Secrets) {
    this.#link = link;
    this.#log = log;
    this.#reports = reports;
    this.#secrets = secrets;
  }

  get counters(): MqttCounters {
    return { ...this.#counters };
  }

  /** Never rejects. `dropped`: sending it again later is right; `refused`: it is not. */
  send(message: Message): Promise<Outcome> {
    return this.sendMeasured(this.#secrets ? withoutSecrets(message, this.#secrets) : message);
  }

  /** As {@link send}, for what was measured, which goes out as it is. */
  async sendMeasured(message: Message): Promise<Outcome> {
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

/**
 * Blanks the texts of a message. Keys and numbers stay, and so does a text that its topic shows anyway: a password that is also
 * the bridge's name, or a number, must not break the message.
 */
function withoutSecrets(message: Message, secrets: Secrets): Message {
  const { topic, payload, userProperties } = message;
  const blank = (text: string): string => (topic.includes(text) ? text : secrets.blank(text));
  const properties =
    userProperties &&
    Object.fromEntries(Object.entries(userProperties).map(([key, text]) => [key, blank(text)]));
  return {
    ...message,
    payload: secrets.blank(payload) === payload ? payload : blankTexts(payload, blank),
    ...(properties && { userProperties: properties }),
  };
}

function blankTexts(payload: string, blank: (text: string) => string): string {
  let json: unknown;
  try {
    json = JSON.parse(payload, (_, value: unknown) => (typeof value === "string" ? blank(value) : value));
  } catch {
    return blank(payload);
  }
  return JSON.stringify(json);
}

import type { Log, Secrets } from "../../log/log.ts";
import { type Backoff, backoff } from "../../time/backoff.ts";
import { type Link, LinkDownError, type Message, reasonOf } from "./link.ts";

export interface MqttCounters {
  /** Messages that the broker has (QoS 1: acknowledged). */
  readonly published: number;
  /** Messages that were discarded because the broker was away or too slow; readings of devices wait instead. */
  readonly dropped: number;
  /** Messages that the broker refused, or that no broker could take. */
  readonly refused: number;
}

type Outcome = "published" | "dropped" | "refused";

/** Minimum pause between two reports of the same loss, in milliseconds; it begins anew after the longest one without a loss. */
const REPORT_MS: Backoff = { first: 60_000, longest: 3_600_000 };

/** Counts losses, and says when they are to be reported: the first at once, further ones together at growing pauses. */
class LossCount {
  #reports = 0;
  #reportedAt = Number.NEGATIVE_INFINITY;
  #unreported = 0;

  add(): void {
    this.#unreported++;
  }

  /** Returns the number of losses since the last report if it is due. */
  take(): number | undefined {
    const now = performance.now();
    const pauseMs = now - this.#reportedAt;
    if (this.#unreported === 0 || (this.#reports > 0 && pauseMs < backoff(REPORT_MS, this.#reports)))
      return undefined;
    this.#reports = pauseMs > REPORT_MS.longest ? 1 : this.#reports + 1;
    this.#reportedAt = now;
    const count = this.#unreported;
    this.#unreported = 0;
    return count;
  }
}

/** Reports which messages did not arrive: once for each reason, then at growing pauses with their number. */
export class LossReports {
  readonly #log: Log;
  readonly #notify: (text: string) => void;
  /** By reason. */
  readonly #losses = new Map<string, LossCount>();

  /** `notify` is called with each refusal that is reported, for the operators. */
  constructor(log: Log, notify: (text: string) => void = () => undefined) {
    this.#log = log;
    this.#notify = notify;
  }

  report(outcome: "dropped" | "refused", topic: string, error: unknown): void {
    const { name, code, reason } = error as { name?: string; code?: unknown; reason?: unknown };
    const key = `${outcome} ${name} ${code ?? reason ?? ""}`;
    const losses = this.#losses.get(key) ?? new LossCount();
    this.#losses.set(key, losses);
    losses.add();
    const count = losses.take();
    if (count === undefined) return;
    const text = `a message was ${outcome}: ${reasonOf(error)}`;
    const more = count > 1 ? { moreSinceLastReport: count - 1 } : {};
    this.#log.warn(text, { topic: topic.length > 200 ? `${topic.slice(0, 200)}…` : topic, ...more });
    if (outcome === "refused") this.#notify(text);
  }
}

/** Sends messages straight to the broker, with secrets blanked; counts the outcomes, and reports messages that are lost. */
export class DirectSender {
  readonly #link: Link;
  readonly #log: Log;
  readonly #reports: LossReports;
  readonly #secrets: Secrets | undefined;
  readonly #counters = { published: 0, dropped: 0, refused: 0 };
  readonly #droppedWhileAway = new LossCount();

  constructor(link: Link, log: Log, reports: LossReports, secrets?: Secrets) {
    this.#link = link;
    this.#log = log;
    this.#reports = reports;
    this.#secrets = secrets;
  }

  get counters(): MqttCounters {
    return { ...this.#counters };
  }

  /** Publishes a message. Never rejects. `dropped`: it may be sent again; `refused`: it may not. */
  send(message: Message): Promise<Outcome> {
    return this.sendMeasured(this.#secrets ? withoutSecrets(message, this.#secrets) : message);
  }

  /** As {@link send}, for measured values, which are not blanked. */
  async sendMeasured(message: Message): Promise<Outcome> {
    try {
      await this.#link.publish(message);
      this.#counters.published++;
      return "published";
    } catch (error) {
      const outcome = error instanceof LinkDownError ? "dropped" : "refused";
      this.#counters[outcome]++;
      // The connection reports that the broker is away; the number of losses is reported when it is back.
      if (outcome === "dropped" && !this.#link.up) this.#droppedWhileAway.add();
      else this.#reports.report(outcome, message.topic, error);
      return outcome;
    }
  }

  /** After a connect: reports the number of losses since the last report. */
  reportAbsence(): void {
    const dropped = this.#droppedWhileAway.take();
    if (dropped !== undefined) this.#log.warn("messages were dropped while the broker was away", { dropped });
  }
}

/**
 * Blanks secrets in the texts of a message. Keys, numbers, and texts that the topic shows anyway are kept: a password that is
 * also the bridge's name, or a number, must not break the message.
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

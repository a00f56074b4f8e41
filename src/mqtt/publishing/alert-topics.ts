import type { AlertMessage, AlertOutlet } from "../../points/index.ts";
import type { DirectSender } from "../broker/direct-sender.ts";
import type { Link } from "../broker/link.ts";
import type { Topics } from "../topics.ts";

interface AlertTopicsOptions {
  readonly link: Link;
  readonly sender: DirectSender;
  readonly topics: Topics;
  readonly now: () => Date;
}

/** Publishes alerts: each that began or ended on `…/alert/<rule>`, and the active ones on `…/alerts`, retained. */
export class AlertTopics implements AlertOutlet {
  readonly #options: AlertTopicsOptions;
  #shown: string | undefined;

  constructor(options: AlertTopicsOptions) {
    this.#options = options;
  }

  async publish(message: AlertMessage): Promise<"published" | "dropped" | "refused"> {
    const { link, sender, topics } = this.#options;
    // It waits on disk: no loss to count.
    if (!link.up) return "dropped";
    const topic = topics.alertOf(message.rule);
    return await sender.send({ topic, payload: JSON.stringify(message), qos: 1, retain: false });
  }

  show(alerts: readonly AlertMessage[], count: number): void {
    this.#shown = JSON.stringify({ at: this.#options.now(), count, alerts });
    this.republish();
  }

  /** Publishes the active alerts again. Call it after a connect. */
  republish(): void {
    const { link, sender, topics } = this.#options;
    if (this.#shown === undefined || !link.up) return;
    void sender.send({ topic: topics.own("alerts"), payload: this.#shown, qos: 1, retain: true });
  }
}

import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../../log/log.ts";
import { type Incoming, type Link, LinkDownError, type Message } from "./link.ts";
import type { Session } from "./session.ts";

export interface PresenceOptions {
  /** `voltbridge/<instance>/state`. */
  readonly topic: string;
  readonly log: Log;
  /** How long the broker may take to deliver our own birth back to us. */
  readonly echoTimeoutMs: number;
}

/** How long a broker may take for our last message. */
const FAREWELL_MS = 2000;

/** Tells everybody whether the bridge is there, on one retained topic: will, birth and farewell. */
export class Presence {
  readonly #options: PresenceOptions;
  #echo: NodeJS.Timeout | undefined;

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  /** What the broker says for us when we are gone without a word. */
  get will(): { topic: string; payload: Buffer; qos: 1; retain: true } {
    return { topic: this.#options.topic, payload: Buffer.from("offline"), qos: 1, retain: true };
  }

  /** `online`, to be said after the commands are subscribed: who reads it may send one. */
  async announce(session: Session): Promise<void> {
    const { topic, log, echoTimeoutMs } = this.#options;
    try {
      await session.subscribe([topic], { noLocal: false });
      this.#echo = setTimeout(() => {
        log.warn(
          `the broker took a message on ${topic} and did not deliver it back; its access rules may discard what the ` +
            "bridge publishes, which MQTT 3.1.1 does not report",
        );
      }, echoTimeoutMs);
      await session.publish(this.#message("online"));
    } catch (error) {
      if (error instanceof LinkDownError) return;
      this.connectionEnded();
      log.warn(`${topic} cannot be used, so nobody sees whether the bridge is online`, { err: error });
    }
  }

  /** The will of an earlier, half-dead connection can come after our birth. Whoever is here says so again. */
  heard(message: Incoming, link: Link): void {
    if (message.topic !== this.#options.topic) return;
    const payload = message.payload.toString();
    if (payload === "online") clearTimeout(this.#echo);
    // Where it does not get through, the connection is gone, and the next birth says it.
    else if (payload === "offline" && link.up) link.publish(this.#message("online")).catch(() => undefined);
  }

  async farewell(session: Session): Promise<void> {
    const said = session.publish(this.#message("offline")).catch(() => undefined);
    await Promise.race([said, delay(FAREWELL_MS, undefined, { ref: false })]);
  }

  connectionEnded(): void {
    clearTimeout(this.#echo);
  }

  #message(payload: "online" | "offline"): Message {
    return { topic: this.#options.topic, payload, qos: 1, retain: true };
  }
}

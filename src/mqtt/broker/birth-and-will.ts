import { setTimeout as delay } from "node:timers/promises";
import type { IClientOptions } from "mqtt";
import type { Log } from "../../log/log.ts";
import { Reported } from "../../log/notices.ts";
import type { BrokerSession } from "./broker-session.ts";
import { type Incoming, type Link, LinkDownError, type Message } from "./link.ts";

/** What the client of a connection publishes about itself. */
export interface Announcer {
  /** Returns the will of the next connection. Called once for each, before its CONNECT. */
  will(protocolVersion: 4 | 5): NonNullable<IClientOptions["will"]>;
  /** Called when the broker could not be reached: the last will was not used, because no CONNECT was sent. */
  unreached?(): void;
  /** Called when everything is subscribed. Where it rejects, the connection ends. */
  publishBirth(session: BrokerSession): Promise<void>;
  /** Called with each message of the subscriptions. */
  hear?(message: Incoming, link: Link): void;
  /** Called before the client disconnects for good; the broker then discards the will. Bounds its own time. */
  publishFarewell(session: BrokerSession): Promise<void>;
  /** Called at the end of each connection. */
  connectionEnded?(): void;
}

export interface BirthAndWillOptions {
  /** `voltbridge/<instance>/state`. */
  readonly topic: string;
  readonly log: Log;
  /** Maximum time that the broker may take to deliver the birth message back, in milliseconds. */
  readonly echoTimeoutMs: number;
  /** MQTT 5: time after the end of a connection in which another client can continue its session before the will is published. */
  readonly willDelaySeconds?: number;
  /** Whether the farewell is published. Default: always. */
  readonly hasFarewell?: () => boolean;
}

/** Maximum time that a broker may take to acknowledge the last message, in milliseconds. */
const FAREWELL_MS = 1000;

/** Publishes on one retained topic whether the bridge is online: birth message, will, and farewell. */
export class BirthAndWill implements Announcer {
  readonly #options: BirthAndWillOptions;
  readonly #reported = new Reported();
  #echo: NodeJS.Timeout | undefined;

  constructor(options: BirthAndWillOptions) {
    this.#options = options;
  }

  /** Published by the broker when the connection ends without a DISCONNECT. */
  will(protocolVersion: 4 | 5): NonNullable<IClientOptions["will"]> {
    const { topic, willDelaySeconds } = this.#options;
    return {
      ...{ topic, payload: Buffer.from("offline"), qos: 1, retain: true },
      ...(protocolVersion === 5 &&
        willDelaySeconds !== undefined && { properties: { willDelayInterval: willDelaySeconds } }),
    };
  }

  /** Publishes `online`. Call it after the commands are subscribed: a reader of the topic may send one at once. */
  async publishBirth(session: BrokerSession): Promise<void> {
    const { topic, log, echoTimeoutMs } = this.#options;
    try {
      await session.subscribe([topic]);
      this.#echo = setTimeout(() => {
        if (!this.#reported.isNew("echo")) return;
        log.warn(
          `the broker took a message on ${topic} and did not deliver it back; its access rules may discard what the ` +
            "bridge publishes, which MQTT 3.1.1 does not report",
        );
      }, echoTimeoutMs);
      await session.publish(this.#message("online"));
    } catch (error) {
      if (error instanceof LinkDownError) return;
      this.connectionEnded();
      if (!this.#reported.isNew("topic")) return;
      log.warn(
        `${topic} cannot be used, so other programs do not see whether the bridge is online; let the bridge's user read and write it`,
        { err: error },
      );
    }
  }

  /** The broker may publish the will of a previous connection after our birth message; publishes the birth message again. */
  hear(message: Incoming, link: Link): void {
    if (message.topic !== this.#options.topic) return;
    const payload = message.payload.toString();
    if (payload === "online") {
      clearTimeout(this.#echo);
      this.#reported.clear();
    }
    // Where it does not get through the connection is gone, and the next one publishes its own birth message.
    else if (payload === "offline" && link.up) link.publish(this.#message("online")).catch(() => undefined);
  }

  async publishFarewell(session: BrokerSession): Promise<void> {
    if (this.#options.hasFarewell?.() === false) return;
    const sent = session.publish(this.#message("offline")).catch(() => undefined);
    await Promise.race([sent, delay(FAREWELL_MS, undefined, { ref: false })]);
  }

  connectionEnded(): void {
    clearTimeout(this.#echo);
  }

  #message(payload: "online" | "offline"): Message {
    return { topic: this.#options.topic, payload, qos: 1, retain: true };
  }
}

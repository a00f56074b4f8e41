import mqtt, {
  type IClientOptions,
  type IConnackPacket,
  type IPublishPacket,
  type MqttClient,
  Store,
} from "mqtt";
import { untilAborted } from "../../time/until-aborted.ts";
import { type Incoming, LinkDownError, reasonOf } from "./link.ts";

export interface SubscribeOptions {
  /** MQTT 5: leaves out what this client publishes itself. */
  readonly noLocal?: boolean;
  /** MQTT 5: messages published with retain keep the flag. */
  readonly retainAsPublished?: boolean;
  /** MQTT 5: retained messages come only with a subscription that is new to the session. */
  readonly retainedOnce?: boolean;
}

/** MQTT 5 §3.14.2.1: "Disconnect with Will Message". */
const DISCONNECT_WITH_WILL = 0x04;
/** MQTT 5 §3.14.2.1: "Session taken over". */
const SESSION_TAKEN_OVER = 0x8e;
/** Time that a broker may take to close the connection after a DISCONNECT, in milliseconds. */
const GOODBYE_MS = 1000;

/** Whether a broker refused the connection for its MQTT version: CONNACK code 1 (3.1.1) or 132 (5). */
export function isVersionRefusal(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === 1 || code === 132;
}

type Stored = Parameters<Store["put"]>;
type Deleted = Parameters<Store["del"]>;

/**
 * Replaces mqtt.js's store of unacknowledged messages, which resends them over its own next connection. The outbox resends
 * instead. Objects that pass through a Map, as in mqtt.js's own store, stay reachable from the Map's discarded tables until
 * V8 collects its older objects: half of what a fleet publishes.
 */
class NoStore extends Store {
  override put(_packet: Stored[0], done: Stored[1]): this {
    done();
    return this;
  }

  override del(_packet: Deleted[0], done: Deleted[1]): this {
    done();
    return this;
  }
}

/** Starts to connect once; {@link connected} waits for the result. */
export function openClient(options: IClientOptions, signal: AbortSignal): MqttClient {
  signal.throwIfAborted();
  // Never mqtt.js's own reconnect: its store grows without bound and resends refused messages for ever.
  return mqtt.connect({
    ...options,
    reconnectPeriod: 0,
    outgoingStore: new NoStore(),
    resubscribe: false,
    // A ping at its time harms no busy connection; a new timer for each message does.
    reschedulePings: false,
    // mqtt.js's logger, even switched off, takes a tenth of the memory that a large fleet's messages need.
    log: () => undefined,
    // mqtt-packet's cache holds a buffer of each of 65,536 numbers, 7 MB in all.
    writeCache: false,
  });
}

/** Resolves with the CONNACK. Ends the client and rejects with the reason where there is none, or with that of `signal`. */
export async function connected(client: MqttClient, signal: AbortSignal): Promise<IConnackPacket> {
  try {
    const connack = new Promise<IConnackPacket>((resolve, reject) => {
      let reason: unknown = new Error("the broker closed the connection before answering");
      client.once("connect", resolve);
      client.on("error", (error) => {
        reason = error;
      });
      client.once("close", () => reject(reason));
    });
    return await untilAborted(connack, signal);
  } catch (error) {
    client.end(true);
    throw error;
  }
}

/** One connection to a broker: its subscriptions, and how it ends. */
export class ClientSession {
  /** Resolves with the reason when the connection has ended, on either side. */
  readonly ended: Promise<string>;
  protected readonly client: MqttClient;
  readonly #answerTimeoutMs: number;
  #reason: string | undefined;
  #closed = false;
  #isTakenOver = false;

  /** `answerTimeoutMs`: maximum time that the broker may take to answer a subscription. */
  constructor(client: MqttClient, answerTimeoutMs: number) {
    this.client = client;
    this.#answerTimeoutMs = answerTimeoutMs;
    client.on("disconnect", (packet) => {
      const { reasonCode } = packet;
      this.#isTakenOver = reasonCode === SESSION_TAKEN_OVER;
      const taken = this.#isTakenOver ? "another client connected with the same client id; " : "";
      this.#reason ??= `the broker ended the connection (${taken}reason code ${reasonCode})`;
    });
    client.on("error", (error) => this.failed(error));
    this.ended = new Promise((resolve) => {
      client.once("close", () => {
        this.#closed = true;
        this.#reason ??= "the broker closed the connection";
        this.closed(this.#reason);
        resolve(this.#reason);
      });
    });
  }

  get protocolVersion(): 4 | 5 {
    return this.client.options.protocolVersion === 5 ? 5 : 4;
  }

  /** False as soon as there is a reason for the end, which may come later. */
  get alive(): boolean {
    return this.#reason === undefined;
  }

  /** MQTT 5: whether another client connected with the same client id. */
  get isTakenOver(): boolean {
    return this.#isTakenOver;
  }

  /** Why the session ends or has ended; undefined while it is alive. */
  get endReason(): string | undefined {
    return this.#reason;
  }

  protected get isClosed(): boolean {
    return this.#closed;
  }

  /** Returns the broker's code for each filter; 128 and above is a refusal. Rejects when there is no answer. */
  requestSubscriptions(filters: readonly string[], options: SubscribeOptions): Promise<readonly number[]> {
    const { noLocal: nl = false, retainAsPublished: rap = false, retainedOnce = false } = options;
    return this.#answered((resolve, reject) =>
      this.client.subscribe(
        [...filters],
        { qos: 1, nl, rap, rh: retainedOnce ? 1 : 0 },
        (error, _grants, suback) => {
          if (!this.client.connected) return; // `ended` has the reason
          const codes = suback?.granted.map(Number);
          if (codes?.length === filters.length) resolve(codes);
          else reject(error ?? new Error("the broker's answer to a subscription is incomplete"));
        },
      ),
    );
  }

  async unsubscribe(filters: readonly string[]): Promise<void> {
    await this.#answered<void>((resolve, reject) =>
      this.client.unsubscribe([...filters], (error) => (error ? reject(error) : resolve())),
    );
  }

  /**
   * Ends the connection with a DISCONNECT, which also discards the will; with `publishWill` the broker publishes it: MQTT 5
   * has a reason code for that (§3.14.2.1), and over 3.1.1 the connection ends without a DISCONNECT.
   */
  async end(reason: string, { publishWill = false } = {}): Promise<void> {
    this.markEnding(reason);
    if (this.#closed) return;
    if (!publishWill) this.client.end();
    else if (this.protocolVersion === 5) this.client.end(false, { reasonCode: DISCONNECT_WITH_WILL });
    else this.client.stream.destroy();
    const late = setTimeout(() => this.client.stream.destroy(), GOODBYE_MS);
    await this.ended;
    clearTimeout(late);
  }

  protected markEnding(reason: string): void {
    this.#reason ??= reason;
  }

  /** Called with each error of mqtt.js. */
  protected failed(error: unknown): void {
    this.cut(reasonOf(error));
  }

  /** Called when the connection has ended, before {@link ended} resolves. */
  protected closed(_reason: string): void {}

  /** Ends the connection at once. */
  protected cut(reason: string): void {
    this.markEnding(reason);
    this.client.stream.destroy();
  }

  async #answered<T>(
    ask: (resolve: (answer: T) => void, reject: (error: unknown) => void) => void,
  ): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        const late = new Error("the broker did not answer the subscription");
        timer = setTimeout(() => reject(late), this.#answerTimeoutMs);
        void this.ended.then((reason) => reject(new LinkDownError(reason)));
        ask(resolve, reject);
      });
    } finally {
      clearTimeout(timer);
    }
  }
}

export function incoming(topic: string, payload: Buffer, packet: IPublishPacket): Incoming {
  const { userProperties, responseTopic, correlationData, messageExpiryInterval } = packet.properties ?? {};
  const plain: Record<string, string> = Object.create(null);
  for (const [key, value] of Object.entries(userProperties ?? {}))
    plain[key] = Array.isArray(value) ? (value[0] ?? "") : value;
  return {
    topic,
    payload,
    retained: packet.retain,
    userProperties: plain,
    responseTopic,
    correlationData,
    expirySeconds: messageExpiryInterval,
  };
}

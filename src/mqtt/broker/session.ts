import mqtt, { type IClientOptions, type IConnackPacket, type IPublishPacket, type MqttClient } from "mqtt";
import { topicFault } from "../topics.ts";
import {
  type Done,
  ImpossibleMessageError,
  type Incoming,
  LinkDownError,
  type Message,
  PublishRefusedError,
  published,
  reasonOf,
} from "./link.ts";
import { NoStore } from "./no-store.ts";
import { PublishWindow } from "./publish-window.ts";
import { Turn } from "./turn.ts";

export interface SessionOptions {
  readonly client: IClientOptions;
  readonly connectTimeoutMs: number;
  /** A publish that is not done after so long is given up, and the connection with it if the broker had it. */
  readonly publishTimeoutMs: number;
  /** Larger messages, topic and payload together, are known not to get through. Bytes. */
  readonly largestMessage?: number;
  /** The broker would not have a message of this size, and said so in a way that ends the connection. */
  onTooLarge?(size: number): void;
  /** Called for each message that was subscribed to. */
  onMessage(message: Incoming): void;
}

/** Whether a broker refused the connection for its MQTT version: CONNACK code 1 (3.1.1) or 132 (5). */
export function isVersionRefusal(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === 1 || code === 132;
}

/** Connects once. Rejects with the reason when that fails; an abort of `signal` rejects too. */
export async function openSession(options: SessionOptions, signal: AbortSignal): Promise<Session> {
  signal.throwIfAborted();
  // Never mqtt.js's own reconnect: its store grows without bound and sends what was refused again and again.
  const client = mqtt.connect({
    ...options.client,
    clean: options.client.clean ?? true,
    reconnectPeriod: 0,
    outgoingStore: new NoStore(),
    resubscribe: false,
    // A ping at its time harms no busy connection; a new timer for each message does.
    reschedulePings: false,
    connectTimeout: options.connectTimeoutMs,
    // Its own takes a tenth of all memory that a large fleet's messages need, switched off as it is.
    log: () => undefined,
    // A buffer of each of 65,536 numbers, 7 MB that stay.
    writeCache: false,
  });
  // What a kept session has for us may come in one piece with the CONNACK.
  client.on("message", (topic, payload, packet) => options.onMessage(incoming(topic, payload, packet)));
  try {
    const connack = await connected(client, signal);
    return new Session(client, connack, options);
  } catch (error) {
    client.end(true);
    throw error;
  }
}

/** The CONNACK; rejects with the reason why there is none, or that of `signal`. */
export function connected(client: MqttClient, signal: AbortSignal): Promise<IConnackPacket> {
  return new Promise((resolve, reject) => {
    let reason: unknown = new Error("the broker closed the connection before answering");
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    client.once("connect", (connack) => {
      signal.removeEventListener("abort", abort);
      resolve(connack);
    });
    client.on("error", (error) => {
      reason = error;
    });
    client.once("close", () => {
      signal.removeEventListener("abort", abort);
      reject(reason);
    });
  });
}

/** One connection to a broker, from its CONNACK to its end. */
export class Session {
  /** Resolves with the reason when the connection has ended, whoever ended it. */
  readonly ended: Promise<string>;
  readonly #client: MqttClient;
  readonly #options: SessionOptions;
  readonly #limits: NonNullable<IConnackPacket["properties"]>;
  readonly #window: PublishWindow;
  readonly #turn = new Turn();
  #reason: string | undefined;

  constructor(client: MqttClient, connack: IConnackPacket, options: SessionOptions) {
    const timeoutMs = options.publishTimeoutMs;
    this.#client = client;
    this.#options = options;
    this.#limits = connack.properties ?? {};
    this.#window = new PublishWindow({
      receiveMaximum: this.#limits.receiveMaximum,
      timeoutMs,
      send: (message, done) => this.#send(message, done),
      cork: () => client.stream.cork(),
      uncork: () => client.stream.uncork(),
      onStuck: () => this.#cut(`the broker acknowledged nothing for ${timeoutMs / 1000} s`),
    });
    // mqtt.js reads the next packet when `next` is called.
    client.handleMessage = (_packet, next) => this.#turn.pass(next);
    // Small writes must not wait for the broker's delayed acknowledgement.
    (client.stream as { setNoDelay?: (on: boolean) => void }).setNoDelay?.(true);
    client.on("disconnect", (packet) => {
      this.#reason ??= `the broker ended the connection (reason code ${packet.reasonCode})`;
    });
    client.on("error", (error) => this.#fail(error));
    this.ended = new Promise((resolve) => {
      client.once("close", () => {
        this.#reason ??= "the broker closed the connection";
        this.#window.close(this.#reason);
        resolve(this.#reason);
      });
    });
  }

  get protocolVersion(): 4 | 5 {
    return this.#client.options.protocolVersion === 5 ? 5 : 4;
  }

  /** The largest packet that the broker may send here; undefined: any. */
  get largestTaken(): number | undefined {
    return this.#client.options.properties?.maximumPacketSize;
  }

  get alive(): boolean {
    return this.#reason === undefined;
  }

  publish(message: Message): Promise<void> {
    return published((done) => this.post(message, done));
  }

  /** {@link publish} without a promise. */
  post(message: Message, done: Done): void {
    const { topic, payload } = message;
    const fault = topicFault(topic);
    if (fault) {
      const text = `topic ${shortened(topic)} ${fault}`;
      done(new ImpossibleMessageError(text, "bad_topic"));
      return;
    }
    const size = Buffer.byteLength(topic) + Buffer.byteLength(payload);
    const { maximumPacketSize: most = Number.POSITIVE_INFINITY } = this.#limits;
    const { largestMessage = Number.POSITIVE_INFINITY } = this.#options;
    if (size + PACKET_ALLOWANCE > most || size > largestMessage) {
      const limit =
        size > largestMessage ? `refused one of ${largestMessage + 1}` : `takes packets of ${most}`;
      const text = `the message on ${topic} has ${size} bytes; the broker ${limit}`;
      done(new ImpossibleMessageError(text, "too_large"));
      return;
    }
    if (this.#reason !== undefined) {
      done(new LinkDownError(this.#reason));
      return;
    }
    this.#window.add(message, size, done);
  }

  /** Rejects when the broker refuses one of the filters. */
  async subscribe(
    filters: readonly string[],
    options: { readonly noLocal: boolean; readonly retainAsPublished?: boolean },
  ): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const late = new Error("the broker did not answer the subscription");
      const timer = setTimeout(() => reject(late), this.#options.publishTimeoutMs);
      void this.ended.then((reason) => {
        clearTimeout(timer);
        reject(new LinkDownError(reason));
      });
      const { noLocal: nl, retainAsPublished: rap = false } = options;
      this.#client.subscribe([...filters], { qos: 1, nl, rap }, (error, _grants, suback) => {
        if (!this.#client.connected) return; // `ended` tells why
        clearTimeout(timer);
        const refused = filters.filter((_, i) => Number(suback?.granted[i]) >= 128);
        if (refused.length > 0) reject(new Error(`not granted: ${refused.join(", ")}`));
        else if (error) reject(error);
        else resolve();
      });
    });
  }

  async unsubscribe(filters: readonly string[]): Promise<void> {
    await this.#client.unsubscribeAsync([...filters]);
  }

  /** Ends the connection with a DISCONNECT, which also discards the will. */
  async end(reason: string): Promise<void> {
    this.#reason ??= reason;
    this.#client.end();
    const late = setTimeout(() => this.#client.stream.destroy(), GOODBYE_MS);
    await this.ended;
    clearTimeout(late);
  }

  #send(message: Message, done: Done): void {
    const { topic, payload } = message;
    const qos = Math.min(message.qos, this.#limits.maximumQoS ?? 1) as 0 | 1;
    const retain = message.retain && this.#limits.retainAvailable !== false;
    this.#client.publish(topic, payload, { qos, retain, properties: propertiesOf(message) }, (error) => {
      if (!error) {
        done();
        return;
      }
      const code = (error as { code?: unknown }).code;
      const refused = typeof code === "number" && code >= 128;
      done(
        refused ? new PublishRefusedError(topic, code, reasonOf(error)) : new LinkDownError(reasonOf(error)),
      );
    });
  }

  /**
   * An error of mqtt.js leaves its parser in an unknown state; it would stay "connected" and complete nothing more. So
   * each one ends the connection. The acknowledgement whose reason code mqtt.js cannot read (149, "packet too large",
   * is such a one) belongs to the oldest message in flight; without this it would be sent again for ever.
   */
  #fail(error: unknown): void {
    const reason = reasonOf(error);
    // Those read before the faulty one are still being handed out; they come first.
    setImmediate(() => {
      if (/^Invalid pub(ack|rec) reason code$/.test(reason))
        this.#window.rejectOldestAcknowledged(({ topic }, size) => {
          this.#options.onTooLarge?.(size);
          const why = `${size} bytes; most often the message is larger than the broker allows`;
          return new PublishRefusedError(topic, undefined, why);
        });
      this.#cut(reason);
    });
  }

  #cut(reason: string): void {
    this.#reason ??= reason;
    this.#client.stream.destroy();
  }
}

const NO_PROPERTIES: NonNullable<IPublishPacket["properties"]> = {};

function propertiesOf(message: Message): NonNullable<IPublishPacket["properties"]> {
  const { userProperties, responseTopic, correlationData, expirySeconds } = message;
  if (!userProperties && responseTopic === undefined && !correlationData && expirySeconds === undefined)
    return NO_PROPERTIES;
  return {
    ...(userProperties && { userProperties: { ...userProperties } }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(correlationData && { correlationData }),
    ...(expirySeconds !== undefined && { messageExpiryInterval: expirySeconds }),
  };
}

/** A topic may be 70 KB long; nobody reads that. */
function shortened(topic: string): string {
  return JSON.stringify(topic.length > 200 ? `${topic.slice(0, 200)}…` : topic);
}

/** Header and properties of a publish beside topic and payload, generously. */
const PACKET_ALLOWANCE = 1024;
/** How long a broker may take to close after our DISCONNECT. */
const GOODBYE_MS = 1000;

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
    ...(responseTopic !== undefined && { responseTopic }),
    ...(correlationData && { correlationData }),
    ...(messageExpiryInterval !== undefined && { expirySeconds: messageExpiryInterval }),
  };
}

import mqtt, { type IClientOptions, type IConnackPacket, type IPublishPacket, type MqttClient } from "mqtt";
import {
  ImpossibleMessageError,
  type Incoming,
  LinkDownError,
  type Message,
  PublishRefusedError,
  reasonOf,
} from "./link.ts";
import { topicFault } from "./topics.ts";

export interface SessionOptions {
  readonly client: IClientOptions;
  readonly connectTimeoutMs: number;
  /** A publish that is not done after so long is given up, and the connection with it if the broker had it. */
  readonly publishTimeoutMs: number;
  /** Called for each message that was subscribed to. */
  onMessage(message: Incoming): void;
}

/** Most messages sent and not yet acknowledged; flat above 64 (measured), so this has room for bursts. */
const WINDOW = 256;
/** Most that may wait for a place in the window. */
const WAITING_MESSAGES = 20_000;
const WAITING_BYTES = 16 * 1024 * 1024;

interface Entry {
  readonly message: Message;
  readonly size: number;
  /** When it was handed over, and again when it was sent. */
  since: number;
  resolve(): void;
  reject(error: Error): void;
}

/** Whether a broker refused the connection for its MQTT version: CONNACK code 1 (3.1.1) or 132 (5). */
export function isVersionRefusal(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === 1 || code === 132;
}

/** Connects once. Rejects with the reason when that fails; an abort of `signal` rejects too. */
export async function openSession(options: SessionOptions, signal: AbortSignal): Promise<Session> {
  // Never mqtt.js's own reconnect: its store grows without bound and sends what was refused again and again.
  const client = mqtt.connect({
    ...options.client,
    clean: true,
    reconnectPeriod: 0,
    resubscribe: false,
    connectTimeout: options.connectTimeoutMs,
  });
  try {
    const connack = await connected(client, signal);
    return new Session(client, connack, options);
  } catch (error) {
    client.end(true);
    throw error;
  }
}

function connected(client: MqttClient, signal: AbortSignal): Promise<IConnackPacket> {
  return new Promise((resolve, reject) => {
    let reason: unknown = new Error("the broker closed the connection before answering");
    const abort = (): void => reject(new Error("stopped"));
    signal.throwIfAborted();
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
  readonly #publishTimeoutMs: number;
  readonly #window: number;
  readonly #limits: NonNullable<IConnackPacket["properties"]>;
  /** In the order of the calls. */
  readonly #waiting = new Set<Entry>();
  readonly #inFlight = new Set<Entry>();
  readonly #sweep: NodeJS.Timeout;
  #waitingBytes = 0;
  #refillDue = false;
  #reason: string | undefined;

  constructor(client: MqttClient, connack: IConnackPacket, options: SessionOptions) {
    this.#client = client;
    this.#publishTimeoutMs = options.publishTimeoutMs;
    this.#limits = connack.properties ?? {};
    this.#window = Math.min(WINDOW, this.#limits.receiveMaximum ?? WINDOW);
    this.#sweep = setInterval(() => this.#giveUpLate(), Math.min(1000, options.publishTimeoutMs / 3));
    // Small writes must not wait for the broker's delayed acknowledgement.
    (client.stream as { setNoDelay?: (on: boolean) => void }).setNoDelay?.(true);
    client.on("message", (topic, payload, packet) => options.onMessage(incoming(topic, payload, packet)));
    client.on("disconnect", (packet) => {
      this.#reason ??= `the broker ended the connection (reason code ${packet.reasonCode})`;
    });
    client.on("error", (error) => this.#fail(error));
    this.ended = new Promise((resolve) => {
      client.once("close", () => {
        this.#reason ??= "the broker closed the connection";
        clearInterval(this.#sweep);
        this.#rejectAll(this.#reason);
        resolve(this.#reason);
      });
    });
  }

  get alive(): boolean {
    return this.#reason === undefined;
  }

  publish(message: Message): Promise<void> {
    const fault = topicFault(message.topic);
    if (fault)
      return Promise.reject(new ImpossibleMessageError(`topic ${JSON.stringify(message.topic)} ${fault}`));
    const size = Buffer.byteLength(message.topic) + Buffer.byteLength(message.payload);
    const most = this.#limits.maximumPacketSize ?? Number.POSITIVE_INFINITY;
    if (size + PACKET_ALLOWANCE > most)
      return Promise.reject(
        new ImpossibleMessageError(
          `the message on ${message.topic} has ${size} bytes; the broker takes ${most}`,
        ),
      );
    if (this.#reason !== undefined) return Promise.reject(new LinkDownError(this.#reason));
    if (this.#waiting.size >= WAITING_MESSAGES || this.#waitingBytes + size > WAITING_BYTES)
      return Promise.reject(new LinkDownError("the broker is too slow: too many messages wait for it"));
    return new Promise((resolve, reject) => {
      this.#waiting.add({ message, size, since: performance.now(), resolve, reject });
      this.#waitingBytes += size;
      this.#refill();
    });
  }

  /** Rejects when the broker refuses one of the filters. */
  async subscribe(filters: readonly string[], options: { noLocal: boolean }): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const late = new Error("the broker did not answer the subscription");
      const timer = setTimeout(() => reject(late), this.#publishTimeoutMs);
      void this.ended.then((reason) => {
        clearTimeout(timer);
        reject(new LinkDownError(reason));
      });
      this.#client.subscribe([...filters], { qos: 1, nl: options.noLocal }, (error, _grants, suback) => {
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

  /** Ends the connection: with a DISCONNECT, which also discards the will, or (`force`) by cutting it. */
  async end(reason: string, force = false): Promise<void> {
    this.#reason ??= reason;
    if (!force) {
      this.#client.end();
      const late = setTimeout(() => this.#client.stream.destroy(), GOODBYE_MS);
      await this.ended;
      clearTimeout(late);
      return;
    }
    this.#client.stream.destroy();
    await this.ended;
  }

  /** Fills the window once per turn of the event loop, so that the messages of a turn leave in few writes. */
  #refill(): void {
    if (this.#refillDue) return;
    this.#refillDue = true;
    setImmediate(() => {
      this.#refillDue = false;
      for (const entry of this.#waiting) {
        if (this.#inFlight.size >= this.#window || this.#reason !== undefined) return;
        this.#waiting.delete(entry);
        this.#waitingBytes -= entry.size;
        this.#inFlight.add(entry);
        entry.since = performance.now();
        this.#send(entry);
      }
    });
  }

  #send(entry: Entry): void {
    const { message } = entry;
    const qos = Math.min(message.qos, this.#limits.maximumQoS ?? 1) as 0 | 1;
    const retain = message.retain && this.#limits.retainAvailable !== false;
    const properties = {
      ...(message.userProperties && { userProperties: { ...message.userProperties } }),
      ...(message.responseTopic !== undefined && { responseTopic: message.responseTopic }),
      ...(message.correlationData && { correlationData: message.correlationData }),
      ...(message.expirySeconds !== undefined && { messageExpiryInterval: message.expirySeconds }),
    };
    this.#client.publish(message.topic, message.payload, { qos, retain, properties }, (error) => {
      if (!this.#inFlight.delete(entry)) return;
      const code = (error as { code?: unknown } | undefined)?.code;
      if (!error) entry.resolve();
      else if (typeof code === "number" && code >= 128)
        entry.reject(new PublishRefusedError(message.topic, code, reasonOf(error)));
      else entry.reject(new LinkDownError(reasonOf(error)));
      this.#refill();
    });
  }

  /**
   * An error of mqtt.js leaves its parser in an unknown state; it would stay "connected" and complete nothing more. So
   * each one ends the connection. Acknowledgements come in the order of the messages: one whose reason code mqtt.js
   * cannot read (149, "packet too large", is such a one) belongs to the oldest message in flight.
   */
  #fail(error: unknown): void {
    const reason = reasonOf(error);
    // Those read before the faulty one are still being handed out; they come first.
    setImmediate(() => {
      if (/^Invalid pub(ack|rec) reason code$/.test(reason)) {
        const [oldest] = [...this.#inFlight].filter((entry) => entry.message.qos > 0);
        if (oldest && this.#inFlight.delete(oldest))
          oldest.reject(
            new PublishRefusedError(
              oldest.message.topic,
              undefined,
              `${oldest.size} bytes; most often the message is larger than the broker allows`,
            ),
          );
      }
      this.#reason ??= reason;
      this.#client.stream.destroy();
    });
  }

  #giveUpLate(): void {
    const latest = performance.now() - this.#publishTimeoutMs;
    const [oldest] = this.#inFlight;
    if (oldest && oldest.since < latest) {
      void this.end(`the broker acknowledged nothing for ${this.#publishTimeoutMs / 1000} s`, true);
      return;
    }
    for (const entry of this.#waiting) {
      if (entry.since >= latest) return;
      this.#waiting.delete(entry);
      this.#waitingBytes -= entry.size;
      entry.reject(new LinkDownError("the broker is too slow: the message waited too long"));
    }
  }

  #rejectAll(reason: string): void {
    const lost = [...this.#inFlight, ...this.#waiting];
    this.#inFlight.clear();
    this.#waiting.clear();
    this.#waitingBytes = 0;
    for (const entry of lost) entry.reject(new LinkDownError(reason));
  }
}

/** Header and properties of a publish beside topic and payload, generously. */
const PACKET_ALLOWANCE = 1024;
/** How long a broker may take to close after our DISCONNECT. */
const GOODBYE_MS = 1000;

function incoming(topic: string, payload: Buffer, packet: IPublishPacket): Incoming {
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

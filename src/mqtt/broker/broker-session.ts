import type { IClientOptions, IConnackPacket, IPublishPacket, MqttClient } from "mqtt";
import { topicFault } from "../topics.ts";
import { ClientSession, connected, incoming, openClient, type SubscribeOptions } from "./client-session.ts";
import {
  type AnyMessage,
  type Done,
  ImpossibleMessageError,
  type Incoming,
  LinkDownError,
  PublishRefusedError,
  published,
  reasonOf,
} from "./link.ts";
import { PublishWindow } from "./publish-window.ts";

export interface BrokerSessionOptions {
  readonly client: IClientOptions;
  /** Maximum time from the start of a publish to its acknowledgement; the connection ends where the broker had the message. */
  readonly publishTimeoutMs: number;
  /** Maximum size of topic and payload together that is known to get through, in bytes. */
  readonly largestMessage?: number;
  /** Called when the broker ended the connection because of a message of this size. */
  onTooLarge?(size: number): void;
  /** Called with each message of the subscriptions. */
  onMessage(message: Incoming): void;
  /** Whether a message is neither handed on nor acknowledged, so that the broker keeps it, and those after it. Default: never. */
  isDraining?(topic: string): boolean;
}

/** Allowance for header and properties of a publish beside topic and payload, in bytes. */
const PACKET_ALLOWANCE = 1024;
/** Maximum time spent on incoming messages before timers and other connections have their turn, in milliseconds. */
const LONGEST_TURN_MS = 10;

/** Connects once. Rejects with the reason when that fails, or when `signal` is aborted. */
export async function openBrokerSession(
  options: BrokerSessionOptions,
  signal: AbortSignal,
): Promise<BrokerSession> {
  const client = openClient({ clean: true, ...options.client }, signal);
  // Messages of a kept session may come in one piece with the CONNACK.
  client.on("message", (topic, payload, packet) => {
    if (!options.isDraining?.(topic)) options.onMessage(incoming(topic, payload, packet));
  });
  return new BrokerSession(client, await connected(client, signal), options);
}

/** One connection that publishes and hears messages, from its CONNACK to its end. */
export class BrokerSession extends ClientSession {
  readonly #options: BrokerSessionOptions;
  /** Whether the broker kept a session of this client id, with messages that came meanwhile. */
  readonly isResumed: boolean;
  /** What the broker said of itself at the connect (MQTT 5 §3.2.2.3). */
  readonly limits: NonNullable<IConnackPacket["properties"]>;
  readonly #window: PublishWindow;
  #turnBegan: number | undefined;

  constructor(client: MqttClient, connack: IConnackPacket, options: BrokerSessionOptions) {
    const timeoutMs = options.publishTimeoutMs;
    super(client, timeoutMs);
    this.#options = options;
    this.isResumed = connack.sessionPresent;
    this.limits = connack.properties ?? {};
    this.#window = new PublishWindow({
      receiveMaximum: this.limits.receiveMaximum,
      timeoutMs,
      send: (message, done) => this.#send(message, done),
      cork: () => client.stream.cork(),
      uncork: () => client.stream.uncork(),
      onStuck: () => this.cut(`the broker acknowledged nothing for ${timeoutMs / 1000} s`),
    });
    // mqtt.js acknowledges the message and reads the next packet when `next` is called.
    client.handleMessage = ({ topic }, next) => {
      if (!options.isDraining?.(topic.toString())) this.#readNext(next);
    };
    // Small writes must not wait for the broker's delayed acknowledgement.
    (client.stream as { setNoDelay?: (on: boolean) => void }).setNoDelay?.(true);
  }

  /** Maximum size of a packet that the broker may send here; undefined: any. */
  get largestTaken(): number | undefined {
    return this.client.options.properties?.maximumPacketSize;
  }

  publish(message: AnyMessage): Promise<void> {
    return published((done) => this.post(message, done));
  }

  /** {@link publish} without a promise. */
  post(message: AnyMessage, done: Done): void {
    const { topic, payload } = message;
    const fault = topicFault(topic);
    if (fault) {
      const text = `topic ${shortened(topic)} ${fault}`;
      done(new ImpossibleMessageError(text, "bad_topic"));
      return;
    }
    const size = Buffer.byteLength(topic) + Buffer.byteLength(payload);
    const { maximumPacketSize: most = Number.POSITIVE_INFINITY } = this.limits;
    const { largestMessage = Number.POSITIVE_INFINITY } = this.#options;
    if (size + PACKET_ALLOWANCE > most || size > largestMessage) {
      const limit =
        size > largestMessage ? `refused one of ${largestMessage + 1}` : `takes packets of ${most}`;
      const text = `the message on ${topic} has ${size} bytes; the broker ${limit}`;
      done(new ImpossibleMessageError(text, "too_large"));
      return;
    }
    const reason = this.endReason;
    if (reason !== undefined) {
      done(new LinkDownError(reason));
      return;
    }
    this.#window.add(message, size, done);
  }

  /** Rejects when the broker refuses one of the filters. */
  async subscribe(filters: readonly string[], options: SubscribeOptions = {}): Promise<void> {
    const codes = await this.requestSubscriptions(filters, options);
    const refused = filters.filter((_, i) => codes[i]! >= 128);
    if (refused.length > 0) throw new Error(`not granted: ${refused.join(", ")}`);
  }

  #send(message: AnyMessage, done: Done): void {
    const { topic, payload } = message;
    const qos = Math.min(message.qos, this.limits.maximumQoS ?? 1) as 0 | 1;
    const retain = message.retain && this.limits.retainAvailable !== false;
    this.client.publish(topic, payload, { qos, retain, properties: propertiesOf(message) }, (error) => {
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
   * An error of mqtt.js leaves its parser in an unknown state: it would stay "connected" and complete nothing more. So
   * each one ends the connection. An acknowledgement whose reason code mqtt.js cannot read (e.g. 149, "packet too large")
   * belongs to the oldest message in flight, which would otherwise be resent for ever.
   */
  protected override failed(error: unknown): void {
    const reason = reasonOf(error);
    // Acknowledgements read before the faulty one are still being handed out; they come first.
    setImmediate(() => {
      if (/^Invalid pub(ack|rec) reason code$/.test(reason))
        this.#window.rejectOldestAcknowledged(({ topic }, size) => {
          this.#options.onTooLarge?.(size);
          const why = `${size} bytes; most often the message is larger than the broker allows`;
          return new PublishRefusedError(topic, undefined, why);
        });
      this.cut(reason);
    });
  }

  protected override closed(reason: string): void {
    this.#window.close(reason);
  }

  /** Reads the next message now, or in the next turn of the event loop when this one has lasted long enough. */
  #readNext(next: () => void): void {
    const now = performance.now();
    if (this.#turnBegan === undefined) {
      this.#turnBegan = now;
      setImmediate(() => {
        this.#turnBegan = undefined;
      });
    }
    if (now - this.#turnBegan < LONGEST_TURN_MS) next();
    else setImmediate(next);
  }
}

const NO_PROPERTIES: NonNullable<IPublishPacket["properties"]> = {};

function propertiesOf(message: AnyMessage): NonNullable<IPublishPacket["properties"]> {
  const { userProperties, responseTopic, correlationData, expirySeconds, contentType } = message;
  if (
    !userProperties &&
    responseTopic === undefined &&
    !correlationData &&
    expirySeconds === undefined &&
    contentType === undefined
  )
    return NO_PROPERTIES;
  return {
    ...(userProperties && { userProperties: { ...userProperties } }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(correlationData && { correlationData }),
    ...(expirySeconds !== undefined && { messageExpiryInterval: expirySeconds }),
    ...(contentType !== undefined && {
      contentType,
      payloadFormatIndicator: typeof message.payload === "string",
    }),
  };
}

/** The beginning of a topic, which may be 70 KB long. */
function shortened(topic: string): string {
  return JSON.stringify(topic.length > 200 ? `${topic.slice(0, 200)}…` : topic);
}

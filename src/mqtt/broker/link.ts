/** A message to publish: text, where nothing else is said. */
export interface Message<Payload extends string | Buffer = string> {
  readonly topic: string;
  readonly payload: Payload;
  readonly qos: 0 | 1;
  readonly retain: boolean;
  /** Sent after all other messages that wait. */
  readonly yields?: true;
  /** MQTT 5 user properties; omitted on a 3.1.1 connection. */
  readonly userProperties?: Readonly<Record<string, string>>;
  /** MQTT 5: the request that this answers, and the topic for an answer. */
  readonly correlationData?: Buffer;
  readonly responseTopic?: string;
  /** MQTT 5: seconds after which the broker discards the message. */
  readonly expirySeconds?: number;
  /** MQTT 5: MIME type of the payload. */
  readonly contentType?: string;
}

export type AnyMessage = Message<string | Buffer>;

/** A message from the broker. */
export interface Incoming {
  readonly topic: string;
  readonly payload: Buffer;
  /** Whether it was retained before the subscription; over MQTT 5 also whether it was published with retain just now. */
  readonly retained: boolean;
  readonly userProperties: Readonly<Record<string, string>>;
  readonly responseTopic?: string;
  readonly correlationData?: Buffer;
  /** Seconds until the message expires. */
  readonly expirySeconds?: number;
}

export interface Subscription {
  /** As they are sent to the broker, base topic included. */
  readonly filters: readonly string[];
  onMessage(message: Incoming): void;
}

export type Done = (error?: Error) => void;

/** Connection to a broker as publisher and commands use it. */
export interface Link {
  /** Whether a message can be published now. */
  readonly up: boolean;
  /** Version of the connection; before the first one, the version that is tried. */
  readonly protocolVersion: 4 | 5;
  /**
   * Resolves when the broker has the message (QoS 1: acknowledged; QoS 0: written). Messages are sent in the order of the
   * calls, those that yield after the others. Rejects with {@link LinkDownError}, {@link PublishRefusedError} or
   * {@link ImpossibleMessageError}; a message that failed is not kept.
   */
  publish(message: AnyMessage): Promise<void>;
  /** {@link publish} without a promise: `done` is called once, possibly before the return, with no error or one of those. */
  post(message: AnyMessage, done: Done): void;
  /** Subscribes, also after every reconnect. The returned function ends it. */
  subscribe(subscription: Subscription): () => void;
  /** Calls back with true after each connect, when everything is subscribed, and with false after each loss. */
  onChange(listener: (up: boolean) => void): () => void;
}

/** The message did not reach the broker, or it is unknown whether it did. It may be sent again. */
export class LinkDownError extends Error {
  override readonly name = "LinkDownError";
}

/** MQTT 5 §3.4.2.1: unspecified error, implementation specific error, quota exceeded. They do not depend on the message. */
const PASSING_CODES = [0x80, 0x83, 0x97];

/** The broker refused the message (MQTT 5 reason code of 128 or more). */
export class PublishRefusedError extends Error {
  override readonly name = "PublishRefusedError";
  /** MQTT 5 reason code; undefined where mqtt.js could not read it. */
  readonly code: number | undefined;

  constructor(topic: string, code: number | undefined, reason: string) {
    super(
      `the broker refused a message on ${topic}: ${reason}${code === undefined ? "" : ` (code ${code})`}`,
    );
    this.code = code;
  }

  /** Whether the message may be accepted later. */
  get mayPass(): boolean {
    return PASSING_CODES.includes(this.code ?? 0);
  }
}

/** No broker takes this topic or this size, so the message was not sent. */
export class ImpossibleMessageError extends Error {
  override readonly name = "ImpossibleMessageError";
  readonly reason: "bad_topic" | "too_large";

  constructor(text: string, reason: "bad_topic" | "too_large") {
    super(text);
    this.reason = reason;
  }
}

/** Turns {@link Link.post} into {@link Link.publish}. */
export function published(post: (done: Done) => void): Promise<void> {
  return new Promise((resolve, reject) => post((error) => (error ? reject(error) : resolve())));
}

/** Returns the text of an error. Its message may be empty: Node's AggregateError of a refused connection has only a code. */
export function reasonOf(error: unknown): string {
  const { message, code, errors } = error as { message?: string; code?: string | number; errors?: unknown[] };
  if (message) return message;
  if (errors?.[0]) return reasonOf(errors[0]);
  return code === undefined ? String(error) : String(code);
}

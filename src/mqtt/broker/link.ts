/** A finished message on its way to the broker. */
export interface Message {
  readonly topic: string;
  readonly payload: string;
  readonly qos: 0 | 1;
  readonly retain: boolean;
  /** All others that wait at the same time go first. */
  readonly yields?: true;
  /** MQTT 5 user properties; left out on a 3.1.1 connection. */
  readonly userProperties?: Readonly<Record<string, string>>;
  /** MQTT 5: which request this answers, and where an answer is expected. */
  readonly correlationData?: Buffer;
  readonly responseTopic?: string;
  /** MQTT 5: seconds after which the broker need not deliver it any more. */
  readonly expirySeconds?: number;
}

/** A message from the broker. */
export interface Incoming {
  readonly topic: string;
  readonly payload: Buffer;
  /** What the broker had kept from before the subscription; over MQTT 5 also what was just sent to be kept. */
  readonly retained: boolean;
  readonly userProperties: Readonly<Record<string, string>>;
  readonly responseTopic?: string;
  readonly correlationData?: Buffer;
  /** Seconds the message has left to live. */
  readonly expirySeconds?: number;
}

export interface Subscription {
  /** As they go to the broker, base topic included. */
  readonly filters: readonly string[];
  onMessage(message: Incoming): void;
}

export type Done = (error?: Error) => void;

/** What publisher and commands need of a connection to a broker. */
export interface Link {
  /** Whether a message handed over now has a chance. */
  readonly up: boolean;
  /** Version spoken; before the first connection the one that will be tried. */
  readonly protocolVersion: 4 | 5;
  /**
   * Resolves when the broker has the message (QoS 1: acknowledged; QoS 0: written). Messages leave in the order of the
   * calls, those that yield after the others. Rejects with {@link LinkDownError}, {@link PublishRefusedError} or {@link ImpossibleMessageError}; nothing
   * is kept for later.
   */
  publish(message: Message): Promise<void>;
  /** {@link publish} without a promise: `done` is called once, perhaps at once, without an error or with one of those. */
  post(message: Message, done: Done): void;
  /** Listens from now on, over every reconnect. The returned function ends it. */
  subscribe(subscription: Subscription): () => void;
  /** Called with true after each connect, when everything is subscribed, and with false after each loss. */
  onChange(listener: (up: boolean) => void): () => void;
}

/** The message did not reach the broker, or nobody knows whether it did. Sending it again later is right. */
export class LinkDownError extends Error {
  override readonly name = "LinkDownError";
}

/** MQTT 5 §3.4.2.1: unspecified error, implementation specific error, quota exceeded. They say nothing of the message. */
const PASSING_CODES = [0x80, 0x83, 0x97];

/** The broker said no (MQTT 5 reason code of 128 or more). */
export class PublishRefusedError extends Error {
  override readonly name = "PublishRefusedError";
  /** MQTT 5 reason code; absent where the broker's code could not be read. */
  readonly code: number | undefined;

  constructor(topic: string, code: number | undefined, reason: string) {
    super(
      `the broker refused a message on ${topic}: ${reason}${code === undefined ? "" : ` (code ${code})`}`,
    );
    this.code = code;
  }

  /** Whether sending it again later may help. */
  get mayPass(): boolean {
    return PASSING_CODES.includes(this.code ?? 0);
  }
}

/** No broker would take this topic or this size, so it was not sent. */
export class ImpossibleMessageError extends Error {
  override readonly name = "ImpossibleMessageError";
  readonly reason: "bad_topic" | "too_large";

  constructor(text: string, reason: "bad_topic" | "too_large") {
    super(text);
    this.reason = reason;
  }
}

/** {@link Link.publish} of whoever can {@link Link.post}. */
export function published(post: (done: Done) => void): Promise<void> {
  return new Promise((resolve, reject) => post((error) => (error ? reject(error) : resolve())));
}

/** What an error says. Its message may be empty: Node's AggregateError of a refused connection has only a code. */
export function reasonOf(error: unknown): string {
  const { message, code, errors } = error as { message?: string; code?: string | number; errors?: unknown[] };
  if (message) return message;
  if (errors?.[0]) return reasonOf(errors[0]);
  return code === undefined ? String(error) : String(code);
}

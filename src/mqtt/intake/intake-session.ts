import mqtt, { type IClientOptions, type IConnackPacket, type MqttClient } from "mqtt";
import { type Incoming, reasonOf } from "../broker/link.ts";
import { connected, incoming } from "../broker/session.ts";
import { IntakeWindow } from "./intake-window.ts";

export interface IntakeSessionOptions {
  readonly client: IClientOptions;
  readonly connectTimeoutMs: number;
  /** Takes a message; it is acknowledged when the promise resolves. Where it rejects, it comes again after a reconnect. */
  take(message: Incoming): Promise<void>;
}

/** Most messages taken and not acknowledged: what one commit can hold. Told to the broker over MQTT 5. */
export const RECEIVE_MAXIMUM = 1000;
const WINDOW_BYTES = 16 * 1024 * 1024;
/** How long messages that were taken may need at the end until they are acknowledged. */
const LAST_MS = 5000;
/** How long a broker may take to close after our DISCONNECT. */
const GOODBYE_MS = 1000;

/** Keeps mqtt.js from acknowledging a message as soon as it was handed over, and lets it go on with the next. */
const LATER = new Error("acknowledged later");

/** Connects once, to a session that the broker keeps. Rejects with the reason when that fails, or when `signal` is aborted. */
export async function openIntakeSession(
  options: IntakeSessionOptions,
  signal: AbortSignal,
): Promise<IntakeSession> {
  signal.throwIfAborted();
  const client = mqtt.connect({
    ...options.client,
    clean: false,
    reconnectPeriod: 0,
    resubscribe: false,
    connectTimeout: options.connectTimeoutMs,
  });
  // Before the CONNACK: what waited at the broker comes right behind it.
  const session = new IntakeSession(client, options);
  try {
    session.connack = await connected(client, signal);
    return session;
  } catch (error) {
    client.end(true);
    throw error;
  }
}

/** One connection on which messages are taken, each acknowledged only when it is safe. */
export class IntakeSession {
  connack: IConnackPacket = { cmd: "connack", sessionPresent: false };
  /** Resolves with the reason when the connection has ended, whoever ended it. */
  readonly ended: Promise<string>;
  readonly #client: MqttClient;
  readonly #options: IntakeSessionOptions;
  readonly #window: IntakeWindow;
  #reason: string | undefined;
  #closed = false;

  constructor(client: MqttClient, options: IntakeSessionOptions) {
    this.#client = client;
    this.#options = options;
    this.#window = new IntakeWindow({
      messages: RECEIVE_MAXIMUM,
      bytes: WINDOW_BYTES,
      acknowledge: (ids) => {
        if (!this.#closed) client.stream.write(pubacks(ids));
      },
    });
    client.handleMessage = (packet, next) => {
      // What comes while stopping comes again next time.
      if (this.#reason !== undefined) return;
      const payload = Buffer.from(packet.payload);
      const safe = this.#window.add(packet.qos > 0 ? packet.messageId : undefined, payload.length);
      options.take(incoming(packet.topic, payload, packet)).then(safe, (error) => this.#cut(reasonOf(error)));
      this.#window.whenRoom(() => next(LATER));
    };
    client.on("disconnect", (packet) => {
      this.#reason ??= `the broker ended the connection (reason code ${packet.reasonCode})`;
    });
    client.on("error", (error) => this.#cut(reasonOf(error)));
    this.ended = new Promise((resolve) => {
      client.once("close", () => {
        this.#closed = true;
        this.#reason ??= "the broker closed the connection";
        resolve(this.#reason);
      });
    });
  }

  /** Answers with the code of the broker for each filter: 128 and more is a refusal. Rejects when it gives no answer. */
  async subscribe(filters: readonly string[]): Promise<readonly number[]> {
    // rh 1: what is retained comes only with a new subscription. Over 3.1.1 with each.
    const options = { qos: 1, nl: false, rap: false, rh: 1 } as const;
    return this.#answered((resolve, reject) =>
      this.#client.subscribe([...filters], options, (error, _grants, suback) => {
        const codes = suback?.granted.map(Number);
        if (codes?.length === filters.length) resolve(codes);
        else reject(error ?? new Error("the broker's answer to a subscription is incomplete"));
      }),
    );
  }

  async unsubscribe(filters: readonly string[]): Promise<void> {
    await this.#answered<void>((resolve, reject) =>
      this.#client.unsubscribe([...filters], (error) => (error ? reject(error) : resolve())),
    );
  }

  /** Sends a small message; whether it arrives is not told. */
  send(topic: string, payload: string): void {
    this.#client.publish(topic, payload, { qos: 1 }, () => undefined);
  }

  /** Takes nothing more, acknowledges what becomes safe in time, and disconnects; the broker keeps the session. */
  async end(reason: string): Promise<void> {
    this.#reason ??= reason;
    if (this.#closed) return;
    const last = deadline(LAST_MS);
    await Promise.race([this.#window.empty(), this.ended, last.over]);
    last.cancel();
    if (this.#closed) return;
    this.#client.end();
    const goodbye = deadline(GOODBYE_MS);
    void goodbye.over.then(() => this.#client.stream.destroy());
    await this.ended;
    goodbye.cancel();
  }

  async #answered<T>(
    ask: (resolve: (answer: T) => void, reject: (error: unknown) => void) => void,
  ): Promise<T> {
    const late = deadline(this.#options.connectTimeoutMs);
    try {
      return await new Promise<T>((resolve, reject) => {
        void this.ended.then((reason) => reject(new Error(reason)));
        void late.over.then(() => reject(new Error("the broker did not answer a subscription")));
        ask(resolve, reject);
      });
    } finally {
      late.cancel();
    }
  }

  #cut(reason: string): void {
    this.#reason ??= reason;
    this.#client.stream.destroy();
  }
}

/** PUBACK packets (§3.4): fixed header, two bytes of length, the id. The same bytes in MQTT 3.1.1 and 5. */
function pubacks(ids: readonly number[]): Buffer {
  const bytes = Buffer.alloc(ids.length * 4);
  for (const [i, id] of ids.entries()) {
    bytes.writeUInt16BE(0x4002, i * 4);
    bytes.writeUInt16BE(id, i * 4 + 2);
  }
  return bytes;
}

function deadline(milliseconds: number): { readonly over: Promise<void>; cancel(): void } {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  return { over, cancel: () => clearTimeout(timer) };
}

import { setTimeout as delay } from "node:timers/promises";
import type { IClientOptions, IConnackPacket, MqttClient } from "mqtt";
import { ClientSession, connected, incoming, openClient } from "../broker/client-session.ts";
import { type Incoming, reasonOf } from "../broker/link.ts";

export interface IntakeSessionOptions {
  readonly client: IClientOptions;
  /** Maximum time that the broker may take to answer a subscription, in milliseconds. */
  readonly answerTimeoutMs: number;
  /** Takes a message, which is acknowledged when the promise resolves. Where it rejects, the connection ends. */
  take(message: Incoming): Promise<void>;
}

/** Maximum number of messages taken and not acknowledged: what one commit can hold. Sent to the broker over MQTT 5. */
export const RECEIVE_MAXIMUM = 1000;
const WINDOW_BYTES = 16 * 1024 * 1024;
/** Maximum time at the end until messages that were taken are acknowledged, in milliseconds. */
const LAST_MS = 3000;

/** Keeps mqtt.js from acknowledging a message as soon as it was handed over, and lets it go on with the next. */
const LATER = new Error("acknowledged later");

/** Connects once, to a session that the broker keeps. Rejects with the reason when that fails, or when `signal` is aborted. */
export async function openIntakeSession(
  options: IntakeSessionOptions,
  signal: AbortSignal,
): Promise<IntakeSession> {
  const client = openClient({ ...options.client, clean: false }, signal);
  // Before the CONNACK: messages that waited at the broker come right behind it.
  const session = new IntakeSession(client, options);
  session.connack = await connected(client, signal);
  return session;
}

/** One connection on which each message is acknowledged only when it is safe. */
export class IntakeSession extends ClientSession {
  connack: IConnackPacket = { cmd: "connack", sessionPresent: false };
  readonly #window: IntakeWindow;

  constructor(client: MqttClient, options: IntakeSessionOptions) {
    super(client, options.answerTimeoutMs);
    this.#window = new IntakeWindow({
      messages: RECEIVE_MAXIMUM,
      bytes: WINDOW_BYTES,
      acknowledge: (ids) => {
        if (!this.isClosed) client.stream.write(pubacks(ids));
      },
    });
    client.handleMessage = (packet, next) => {
      // Messages that come while it ends are delivered again to the next connection.
      if (!this.alive) return;
      const payload = Buffer.from(packet.payload);
      const safe = this.#window.add(packet.qos > 0 ? packet.messageId : undefined, payload.length);
      options.take(incoming(packet.topic, payload, packet)).then(safe, (error) => this.cut(reasonOf(error)));
      this.#window.whenRoom(() => next(LATER));
    };
  }

  /** Publishes a small message, with no word of whether it arrives. */
  send(topic: string, payload: string): void {
    this.client.publish(topic, payload, { qos: 1 }, () => undefined);
  }

  /** Takes nothing more, acknowledges what becomes safe in time, and disconnects; the broker keeps the session. */
  override async end(reason: string): Promise<void> {
    this.markEnding(reason);
    await Promise.race([this.#window.empty(), this.ended, delay(LAST_MS, undefined, { ref: false })]);
    await super.end(reason);
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

interface IntakeWindowOptions {
  /** Maximum number of messages, and about how many bytes of them, that are taken and not acknowledged. */
  readonly messages: number;
  readonly bytes: number;
  /** Acknowledges messages by id, in the order of their arrival. */
  acknowledge(ids: readonly number[]): void;
}

interface Entry {
  /** Undefined for QoS 0, which has no acknowledgement. */
  readonly id: number | undefined;
  readonly size: number;
  done: boolean;
}

/**
 * Messages taken and not yet safe: a bounded number, acknowledged in the order of their arrival (MQTT §4.6), those of one
 * turn of the event loop at once.
 */
class IntakeWindow {
  readonly #options: IntakeWindowOptions;
  readonly #entries = new Set<Entry>();
  #bytes = 0;
  #flushDue = false;
  #onRoom: (() => void) | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(options: IntakeWindowOptions) {
    this.#options = options;
  }

  /** Enters a message. Call the returned function when it is safe. */
  add(id: number | undefined, size: number): () => void {
    const entry: Entry = { id, size, done: false };
    this.#entries.add(entry);
    this.#bytes += size;
    return () => {
      entry.done = true;
      this.#flushSoon();
    };
  }

  /** Calls once when another message may come: now, or when there is room again. */
  whenRoom(next: () => void): void {
    if (this.#full) this.#onRoom = next;
    else next();
  }

  /** Resolves when every message is acknowledged. */
  async empty(): Promise<void> {
    if (this.#entries.size > 0)
      await new Promise<void>((resolve) => {
        this.#onEmpty = resolve;
      });
  }

  get #full(): boolean {
    return this.#entries.size >= this.#options.messages || this.#bytes >= this.#options.bytes;
  }

  #flushSoon(): void {
    if (this.#flushDue) return;
    this.#flushDue = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#flushDue = false;
    const ids: number[] = [];
    for (const entry of this.#entries) {
      if (!entry.done) break;
      this.#entries.delete(entry);
      this.#bytes -= entry.size;
      if (entry.id !== undefined) ids.push(entry.id);
    }
    if (ids.length > 0) this.#options.acknowledge(ids);
    if (this.#entries.size === 0) this.#onEmpty?.();
    if (this.#full) return;
    const next = this.#onRoom;
    this.#onRoom = undefined;
    next?.();
  }
}

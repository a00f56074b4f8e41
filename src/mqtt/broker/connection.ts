import type { IClientOptions } from "mqtt";
import type { Recovery } from "../../log/outages.ts";
import { matches } from "../../points/index.ts";
import { type Announcer, BirthAndWill } from "./birth-and-will.ts";
import { versionName } from "./broker-address.ts";
import { type BrokerSession, openBrokerSession } from "./broker-session.ts";
import {
  type AnyMessage,
  type Done,
  type Incoming,
  type Link,
  LinkDownError,
  published,
  type Subscription,
} from "./link.ts";
import { SessionLoop, type SessionLoopOptions, type SessionTimes } from "./session-loop.ts";

export interface ConnectionOptions extends SessionLoopOptions {
  /** What it publishes about itself; a topic: `online` retained there after each connect, `offline` at the stop and by the will. */
  readonly announces: string | Announcer;
  /** Whether this connection publishes that. Default: always. */
  readonly isSpeaking?: () => boolean;
  readonly times?: Partial<ConnectionTimes>;
  /**
   * Time for which the broker keeps the session and its messages after a connection has ended, in seconds; over MQTT 3.1.1 it keeps them
   * without an end. Default: the session is not kept.
   */
  readonly keepSeconds?: number;
  /** Setting of the client id, where it has one: another client may have the same. */
  readonly clientIdSetting?: string;
  readonly observer?: {
    /** Called with each new session when everything is subscribed. */
    connected(session: BrokerSession): void;
    /** Called with every message. */
    heard(message: Incoming): void;
    /** Called when the broker could not be reached. */
    failed?(): void;
  };
}

export interface ConnectionTimes extends SessionTimes {
  readonly publishTimeoutMs: number;
}

const PUBLISH_TIMEOUT_MS = 30_000;
/** Maximum size of a message from the broker over MQTT 5, in bytes. */
const MAXIMUM_PACKET_SIZE = 1024 * 1024;
/** MQTT 5 §3.2.2.2: the broker retains nothing, and refuses a connection with a retained will. */
const RETAIN_NOT_SUPPORTED = 0x9a;
/** Time after a connect in which a broker delivers what it kept, in milliseconds. */
const HANDOVER_MS = 10_000;
/** Number of consecutive connections that end too soon after which the likely reason is logged. */
const FLAPS = 3;
/** Time for which messages of a size that the broker refused are not sent, because each ends the connection. Milliseconds. */
const TOO_LARGE_MS = 3_600_000;

/** Keeps one connection to the broker until it is stopped: publishes, and dispatches messages to subscriptions. */
export class Connection extends SessionLoop<BrokerSession> implements Link {
  readonly #options: ConnectionOptions;
  readonly #announcer: Announcer;
  readonly #subscriptions = new Set<Subscription>();
  readonly #listeners = new Set<(up: boolean) => void>();
  #session: BrokerSession | undefined;
  #up = false;
  #resumedAt = Number.NEGATIVE_INFINITY;
  #draining: { readonly own: string } | undefined;
  /** Limits of the broker and refused subscriptions that were reported. */
  readonly #reported = new Set<string>();
  #isRetainRefused = false;
  #tooLarge: { readonly size: number; readonly until: number } | undefined;

  constructor(options: ConnectionOptions) {
    super(options);
    this.#options = options;
    const { announces, log } = options;
    this.#announcer =
      typeof announces === "string"
        ? new BirthAndWill({ topic: announces, log, echoTimeoutMs: this.times.connectTimeoutMs })
        : announces;
  }

  get up(): boolean {
    return this.#up && this.#session?.alive === true;
  }

  /**
   * Whether a message that comes now may have waited at the broker for any time, because it kept the session without an end (MQTT 3.1.1),
   * and this connection has just begun.
   */
  get hasOldMessages(): boolean {
    return this.protocolVersion === 4 && performance.now() - this.#resumedAt < HANDOVER_MS;
  }

  /** Leaves every message that comes from now on to the next connection of a kept session, except those on `own`. */
  drain(own: string): void {
    this.#draining = { own };
  }

  /** Publishes the farewell, and disconnects. */
  override async stop(): Promise<void> {
    const session = this.#session;
    if (this.#up) this.#change(false);
    if (session && this.#isSpeaking) await this.#announcer.publishFarewell(session);
    await super.stop();
  }

  /** Publishes the birth message, where it was not published at the connect; again, where it was. */
  async announce(): Promise<void> {
    if (this.#session) await this.#announcer.publishBirth(this.#session);
  }

  publish(message: AnyMessage): Promise<void> {
    return published((done) => this.post(message, done));
  }

  post(message: AnyMessage, done: Done): void {
    if (this.#session) this.#session.post(message, done);
    else done(new LinkDownError(`not connected to ${this.url}`));
  }

  subscribe(subscription: Subscription): () => void {
    this.#subscriptions.add(subscription);
    if (this.#session) void this.#subscribeAll(this.#session, [subscription]);
    return () => {
      this.#subscriptions.delete(subscription);
      // A session that is kept goes on gathering messages for the next connection.
      if (this.#options.keepSeconds !== undefined) return;
      // Where it fails the connection is gone, and the subscription with it.
      void this.#session?.unsubscribe(subscription.filters).catch(() => undefined);
    };
  }

  onChange(listener: (up: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  get #isSpeaking(): boolean {
    return this.#options.isSpeaking?.() ?? true;
  }

  protected override async open(client: IClientOptions, signal: AbortSignal): Promise<BrokerSession> {
    const will = this.#announcer.will(client.protocolVersion === 5 ? 5 : 4);
    try {
      return await this.#openSession(
        { ...client, will: this.#isRetainRefused ? { ...will, retain: false } : will },
        signal,
      );
    } catch (error) {
      if (isUnreached(error)) this.#announcer.unreached?.();
      if (this.#isRetainRefused || (error as { code?: unknown }).code !== RETAIN_NOT_SUPPORTED) throw error;
      this.#isRetainRefused = true;
      return await this.#openSession({ ...client, will: { ...will, retain: false } }, signal);
    }
  }

  #openSession(client: IClientOptions, signal: AbortSignal): Promise<BrokerSession> {
    const tooLarge = this.#tooLarge;
    const { keepSeconds } = this.#options;
    return openBrokerSession(
      {
        client: {
          ...client,
          clean: keepSeconds === undefined,
          ...(client.protocolVersion === 5 && {
            properties: {
              maximumPacketSize: MAXIMUM_PACKET_SIZE,
              ...(keepSeconds !== undefined && { sessionExpiryInterval: keepSeconds }),
            },
          }),
        },
        publishTimeoutMs: this.#options.times?.publishTimeoutMs ?? PUBLISH_TIMEOUT_MS,
        largestMessage: tooLarge && performance.now() < tooLarge.until ? tooLarge.size - 1 : undefined,
        onTooLarge: (size) => {
          this.#tooLarge = { size, until: performance.now() + TOO_LARGE_MS };
        },
        onMessage: (message) => this.#dispatch(message),
        isDraining: (topic) => this.#draining !== undefined && topic !== this.#draining.own,
      },
      signal,
    );
  }

  protected override async prepare(session: BrokerSession): Promise<void> {
    this.#session = session;
    if (session.isResumed) this.#resumedAt = performance.now();
    this.#reportLimits(session.limits);
    await this.#subscribeAll(session, [...this.#subscriptions]);
    if (this.#isSpeaking) await this.#announcer.publishBirth(session);
  }

  protected override ready(session: BrokerSession): void {
    this.#change(true);
    this.#options.observer?.connected(session);
  }

  protected override over(): void {
    this.#announcer.connectionEnded?.();
    this.#session = undefined;
    if (this.#up) this.#change(false);
  }

  protected override describe({ protocolVersion }: BrokerSession): Recovery {
    return { text: `connected to ${this.url}`, more: `MQTT ${versionName(protocolVersion)}` };
  }

  protected override hint(flaps: number): string {
    const { clientId, clientIdSetting } = this.#options;
    if (flaps < FLAPS || clientIdSetting === undefined) return "";
    return `; if another client connects as ${clientId}, give one of the two another id (${clientIdSetting})`;
  }

  /** Reports once what the broker does not take, and what follows from that. */
  #reportLimits({ retainAvailable, maximumPacketSize, maximumQoS }: BrokerSession["limits"]): void {
    const report = (limit: string, text: string): void => {
      if (this.#reported.has(limit)) return;
      this.#reported.add(limit);
      this.log.warn(text, { url: this.url });
    };
    if (retainAvailable === false)
      report(
        "retain",
        "the broker retains no messages: a program that connects later sees no state until the next message; " +
          "allow retained messages at the broker (Mosquitto: retain_available true)",
      );
    if (maximumPacketSize !== undefined && maximumPacketSize < MAXIMUM_PACKET_SIZE)
      report(
        `packets of ${maximumPacketSize}`,
        `the broker takes packets of at most ${maximumPacketSize} bytes; larger messages are not sent, and counted as ` +
          "refused. If there are any, raise its limit (Mosquitto: max_packet_size), or publish points one by one",
      );
    if (maximumQoS === 0)
      report(
        "QoS",
        "the broker takes QoS 0 only: what is lost on the way is not noticed; use a broker with QoS 1",
      );
  }

  protected override failed(): void {
    this.#options.observer?.failed?.();
  }

  #dispatch(message: Incoming): void {
    if (this.#isSpeaking) this.#announcer.hear?.(message, this);
    this.#options.observer?.heard(message);
    for (const subscription of this.#subscriptions) {
      if (subscription.filters.some((filter) => matches(filter, message.topic)))
        subscription.onMessage(message);
    }
  }

  async #subscribeAll(session: BrokerSession, subscriptions: readonly Subscription[]): Promise<void> {
    for (const { filters } of subscriptions) {
      try {
        await session.subscribe(filters, { noLocal: true, retainAsPublished: true });
        this.#reported.delete(`subscription ${filters.join(" ")}`);
      } catch (error) {
        if (error instanceof LinkDownError) return;
        const key = `subscription ${filters.join(" ")}`;
        if (this.#reported.has(key)) continue;
        this.#reported.add(key);
        this.log.error(
          "the broker refused a subscription; commands on it do not reach the bridge. Let the bridge's user read it",
          {
            url: this.url,
            err: error,
          },
        );
      }
    }
  }

  #change(up: boolean): void {
    this.#up = up;
    for (const listener of this.#listeners) {
      try {
        listener(up);
      } catch (error) {
        this.log.error("a listener of the connection failed", { err: error });
      }
    }
  }
}

/** Whether the broker's name was not found, or no connection to it was made. */
function isUnreached(error: unknown): boolean {
  const { syscall, errors } = error as { readonly syscall?: string; readonly errors?: readonly unknown[] };
  if (errors) return errors.length > 0 && errors.every(isUnreached);
  return syscall === "connect" || syscall === "getaddrinfo";
}

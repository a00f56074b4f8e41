import type { IClientOptions } from "mqtt";
import { matches } from "../../points/index.ts";
import { BirthAndWill } from "./birth-and-will.ts";
import { versionName } from "./broker-address.ts";
import { type BrokerSession, openBrokerSession } from "./broker-session.ts";
import {
  type Done,
  type Incoming,
  type Link,
  LinkDownError,
  type Message,
  published,
  type Subscription,
} from "./link.ts";
import { SessionLoop, type SessionLoopOptions, type SessionTimes } from "./session-loop.ts";

export interface ConnectionOptions extends SessionLoopOptions {
  /** Retained topic: `online` after each connect, `offline` at the stop and by the will. */
  readonly stateTopic: string;
  /** Whether this connection publishes there. Default: always. */
  readonly isSpeaking?: () => boolean;
  readonly times?: Partial<ConnectionTimes>;
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
/** Time for which messages of a size that the broker refused are not sent, because each ends the connection. Milliseconds. */
const TOO_LARGE_MS = 3_600_000;

/** Keeps one connection to the broker until it is stopped: publishes, and dispatches messages to subscriptions. */
export class Connection extends SessionLoop<BrokerSession> implements Link {
  readonly #options: ConnectionOptions;
  readonly #birthAndWill: BirthAndWill;
  readonly #subscriptions = new Set<Subscription>();
  readonly #listeners = new Set<(up: boolean) => void>();
  #session: BrokerSession | undefined;
  #up = false;
  #tooLarge: { readonly size: number; readonly until: number } | undefined;

  constructor(options: ConnectionOptions) {
    super(options);
    this.#options = options;
    this.#birthAndWill = new BirthAndWill({
      topic: options.stateTopic,
      log: options.log,
      echoTimeoutMs: this.times.connectTimeoutMs,
    });
  }

  get up(): boolean {
    return this.#up && this.#session?.alive === true;
  }

  /** Publishes `offline`, and disconnects. */
  override async stop(): Promise<void> {
    const session = this.#session;
    if (this.#up) this.#change(false);
    if (session && this.#isSpeaking) await this.#birthAndWill.publishFarewell(session);
    await super.stop();
  }

  /** Publishes `online`, where it was not published at the connect. */
  async announce(): Promise<void> {
    if (this.#session) await this.#birthAndWill.publishBirth(this.#session);
  }

  publish(message: Message): Promise<void> {
    return published((done) => this.post(message, done));
  }

  post(message: Message, done: Done): void {
    if (this.#session) this.#session.post(message, done);
    else done(new LinkDownError(`not connected to ${this.url}`));
  }

  subscribe(subscription: Subscription): () => void {
    this.#subscriptions.add(subscription);
    if (this.#session) void this.#subscribeAll(this.#session, [subscription]);
    return () => {
      this.#subscriptions.delete(subscription);
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

  protected override open(client: IClientOptions, signal: AbortSignal): Promise<BrokerSession> {
    const tooLarge = this.#tooLarge;
    return openBrokerSession(
      {
        client: {
          ...client,
          will: this.#birthAndWill.will,
          ...(client.protocolVersion === 5 && { properties: { maximumPacketSize: MAXIMUM_PACKET_SIZE } }),
        },
        publishTimeoutMs: this.#options.times?.publishTimeoutMs ?? PUBLISH_TIMEOUT_MS,
        largestMessage: tooLarge && performance.now() < tooLarge.until ? tooLarge.size - 1 : undefined,
        onTooLarge: (size) => {
          this.#tooLarge = { size, until: performance.now() + TOO_LARGE_MS };
        },
        onMessage: (message) => this.#dispatch(message),
      },
      signal,
    );
  }

  protected override async prepare(session: BrokerSession): Promise<void> {
    this.#session = session;
    await this.#subscribeAll(session, [...this.#subscriptions]);
    if (this.#isSpeaking) await this.#birthAndWill.publishBirth(session);
  }

  protected override ready(session: BrokerSession): void {
    this.#change(true);
    this.#options.observer?.connected(session);
  }

  protected override over(): void {
    this.#birthAndWill.connectionEnded();
    this.#session = undefined;
    if (this.#up) this.#change(false);
  }

  protected override logConnected({ protocolVersion }: BrokerSession, failedAttempts: number): void {
    this.log.info(
      `connected to ${this.url}, MQTT ${versionName(protocolVersion)}`,
      failedAttempts > 0 ? { failedAttempts } : {},
    );
  }

  protected override failed(): void {
    this.#options.observer?.failed?.();
  }

  #dispatch(message: Incoming): void {
    if (this.#isSpeaking) this.#birthAndWill.hear(message, this);
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
      } catch (error) {
        if (error instanceof LinkDownError) return;
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

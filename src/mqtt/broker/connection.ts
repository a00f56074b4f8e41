import type { Log } from "../../log/log.ts";
import { matches } from "../../points/index.ts";
import { backoff, jittered } from "../../time/backoff.ts";
import { pause, systemClock } from "../../time/clock.ts";
import { addressOptions, type BrokerAddress, brokerUrl, protocolVersion } from "./broker-address.ts";
import {
  type Done,
  type Incoming,
  type Link,
  LinkDownError,
  type Message,
  published,
  reasonOf,
  type Subscription,
} from "./link.ts";
import { Presence } from "./presence.ts";
import { isVersionRefusal, openSession, type Session } from "./session.ts";

export interface ConnectionOptions {
  readonly address: BrokerAddress;
  /** The same for every reconnect, so that the broker ends what is left of the connection before. */
  readonly clientId: string;
  readonly keepaliveSeconds: number;
  /** Says `online` after each connect, `offline` at the stop and by the broker when we are gone. Retained. */
  readonly stateTopic: string;
  /** Whether it is this connection that says so. Default: always. */
  readonly isSpeaking?: () => boolean;
  readonly log: Log;
  readonly times?: Partial<ConnectionTimes>;
  /** Sees each new connection when everything is subscribed, and every message. */
  readonly observer?: {
    arrived(session: Session): void;
    heard(message: Incoming): void;
    /** The broker could not be reached. */
    failed?(): void;
  };
}

export interface ConnectionTimes {
  readonly connectTimeoutMs: number;
  readonly publishTimeoutMs: number;
  /** Pause before the first attempt after a failure; doubles with each up to the longest. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** A connection that lasted so long was a good one: the pauses begin anew. */
  readonly stableMs: number;
}

const TIMES: ConnectionTimes = {
  connectTimeoutMs: 10_000,
  publishTimeoutMs: 30_000,
  firstPauseMs: 500,
  longestPauseMs: 20_000,
  stableMs: 2_000,
};

/** The largest message taken from the broker, over MQTT 5. */
const MAXIMUM_PACKET_SIZE = 1024 * 1024;

/** How long a size that the broker refused is not tried again: each try ends the connection. */
const TOO_LARGE_MS = 3_600_000;

/** Keeps one connection to the broker alive until it is stopped. */
export class Connection implements Link {
  readonly #options: ConnectionOptions;
  readonly #times: ConnectionTimes;
  readonly #url: string;
  readonly #presence: Presence;
  readonly #stopping = new AbortController();
  readonly #subscriptions = new Set<Subscription>();
  readonly #listeners = new Set<(up: boolean) => void>();
  #version: 4 | 5;
  #session: Session | undefined;
  #up = false;
  #running: Promise<void> | undefined;
  #attempts = 0;
  #failures = 0;
  #lastFailure: string | undefined;
  /** The connection before ended so soon that the next must last before it is announced. */
  #flapping = false;
  #announcing: NodeJS.Timeout | undefined;
  #tooLarge: { readonly size: number; readonly until: number } | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#times = { ...TIMES, ...options.times };
    this.#url = brokerUrl(options.address);
    this.#version = protocolVersion(options.address);
    this.#presence = new Presence({
      topic: options.stateTopic,
      log: options.log,
      echoTimeoutMs: this.#times.connectTimeoutMs,
    });
  }

  get up(): boolean {
    return this.#up && this.#session?.alive === true;
  }

  get protocolVersion(): 4 | 5 {
    return this.#version;
  }

  /** Begins to connect, and goes on until {@link stop}. A broker that is away is no error. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Says `offline`, and disconnects. */
  async stop(): Promise<void> {
    const session = this.#session;
    if (this.#up) this.#change(false);
    if (session && this.#isSpeaking) await this.#presence.farewell(session);
    this.#stopping.abort();
    await this.#running;
  }

  /** Says `online`, where it was silent at the connect. */
  async announce(): Promise<void> {
    if (this.#session) await this.#presence.announce(this.#session);
  }

  publish(message: Message): Promise<void> {
    return published((done) => this.post(message, done));
  }

  post(message: Message, done: Done): void {
    if (this.#session) this.#session.post(message, done);
    else done(new LinkDownError(`not connected to ${this.#url}`));
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

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const session = await this.#connect(signal);
        await this.#serve(session, signal);
      } catch (error) {
        if (!signal.aborted) this.#failed(error);
      }
      // An abort ends the pause by rejecting; the loop sees it.
      await pause(systemClock, this.#pauseMs(), signal).catch(() => undefined);
    }
  }

  async #connect(signal: AbortSignal): Promise<Session> {
    const { clientId, keepaliveSeconds } = this.#options;
    return openSession(
      {
        connectTimeoutMs: this.#times.connectTimeoutMs,
        publishTimeoutMs: this.#times.publishTimeoutMs,
        client: {
          ...(await addressOptions(this.#options.address)),
          clientId,
          keepalive: keepaliveSeconds,
          protocolVersion: this.#version,
          ...(this.#version === 5 && { properties: { maximumPacketSize: MAXIMUM_PACKET_SIZE } }),
          will: this.#presence.will,
        },
        ...(this.#tooLarge &&
          performance.now() < this.#tooLarge.until && { largestMessage: this.#tooLarge.size - 1 }),
        onTooLarge: (size) => {
          this.#tooLarge = { size, until: performance.now() + TOO_LARGE_MS };
        },
        onMessage: (message) => this.#dispatch(message),
      },
      signal,
    );
  }

  /** From the CONNACK to the end of the connection. */
  async #serve(session: Session, signal: AbortSignal): Promise<void> {
    this.#session = session;
    const since = performance.now();
    const stop = (): void => void session.end("stopped");
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    try {
      await this.#subscribeAll(session, [...this.#subscriptions]);
      if (this.#isSpeaking) await this.#presence.announce(session);
      if (session.alive) this.#arrived(session);
      const reason = await session.ended;
      if (!signal.aborted) this.#lost(reason, performance.now() - since);
    } finally {
      signal.removeEventListener("abort", stop);
      this.#presence.connectionEnded();
      clearTimeout(this.#announcing);
      this.#session = undefined;
      if (this.#up) this.#change(false);
    }
  }

  #dispatch(message: Incoming): void {
    if (this.#isSpeaking) this.#presence.heard(message, this);
    this.#options.observer?.heard(message);
    for (const subscription of this.#subscriptions) {
      if (subscription.filters.some((filter) => matches(filter, message.topic)))
        subscription.onMessage(message);
    }
  }

  async #subscribeAll(session: Session, subscriptions: readonly Subscription[]): Promise<void> {
    for (const { filters } of subscriptions) {
      try {
        await session.subscribe(filters, { noLocal: true, retainAsPublished: true });
      } catch (error) {
        if (error instanceof LinkDownError) return;
        this.#options.log.error("the broker does not let the bridge listen; commands will not arrive", {
          url: this.#url,
          err: error,
        });
      }
    }
  }

  #arrived(session: Session): void {
    if (this.#flapping) this.#announcing = setTimeout(() => this.#announce(), this.#times.stableMs);
    else this.#announce();
    this.#change(true);
    this.#options.observer?.arrived(session);
  }

  #announce(): void {
    this.#options.log.info(
      `connected to ${this.#url}, MQTT ${this.#version === 5 ? "5" : "3.1.1"}`,
      this.#failures > 0 ? { failedAttempts: this.#failures } : {},
    );
    this.#failures = 0;
    this.#lastFailure = undefined;
  }

  #lost(reason: string, lastedMs: number): void {
    this.#flapping = lastedMs < this.#times.stableMs;
    if (this.#flapping) this.#failures++;
    else this.#attempts = 0;
    if (reason === this.#lastFailure) return;
    this.#lastFailure = reason;
    this.#options.log.warn(`lost ${this.#url}: ${reason}; connecting again`);
  }

  #failed(error: unknown): void {
    if (this.#version === 5 && isVersionRefusal(error)) {
      this.#version = 4;
      this.#options.log.info(`${this.#url} does not speak MQTT 5; going on with 3.1.1`);
      return;
    }
    this.#failures++;
    this.#options.observer?.failed?.();
    const reason = `${reasonOf(error)}${remedy(error)}`;
    if (reason === this.#lastFailure) return;
    this.#lastFailure = reason;
    this.#options.log.warn(`cannot connect to ${this.#url}: ${reason}; trying again at growing pauses`);
  }

  #change(up: boolean): void {
    this.#up = up;
    for (const listener of this.#listeners) {
      try {
        listener(up);
      } catch (error) {
        this.#options.log.error("a listener of the connection failed", { err: error });
      }
    }
  }

  #pauseMs(): number {
    const { firstPauseMs: first, longestPauseMs: longest } = this.#times;
    return jittered(backoff({ first, longest }, ++this.#attempts));
  }
}

/** CONNACK codes for user name, password and permission, of MQTT 3.1.1 (4, 5) and 5 (134, 135). */
const CREDENTIALS_REFUSED = [4, 5, 134, 135];

function remedy(error: unknown): string {
  const { code } = error as { code?: unknown };
  return CREDENTIALS_REFUSED.includes(code as number) ? " (check mqtt.username and mqtt.password)" : "";
}

import type { IClientOptions } from "mqtt";
import type { Log } from "../../log/log.ts";
import { type Failure, Outages, type Recovery } from "../../log/outages.ts";
import { backoff, jittered } from "../../time/backoff.ts";
import { type Clock, pause, systemClock } from "../../time/clock.ts";
import { addressOptions, type BrokerAddress, brokerUrl } from "./broker-address.ts";
import { type ClientSession, isVersionRefusal } from "./client-session.ts";
import { reasonOf } from "./link.ts";

const OUTAGE = "broker";

/** In milliseconds. */
export interface SessionTimes {
  readonly connectTimeoutMs: number;
  /** Pause before the first attempt after a failure; doubles with each up to the longest. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** Duration of a connection after which the pauses begin anew. */
  readonly stableMs: number;
}

const TIMES: SessionTimes = {
  connectTimeoutMs: 10_000,
  firstPauseMs: 500,
  longestPauseMs: 20_000,
  stableMs: 2000,
};

export interface SessionLoopOptions {
  readonly address: BrokerAddress;
  /** The same for every reconnect, so that the broker ends a previous connection that it still has. */
  readonly clientId: string;
  readonly keepaliveSeconds: number;
  readonly log: Log;
  /** Whether a session that another client took over is left to it for the longest pause. Default: false. */
  readonly yields?: boolean;
  readonly times?: Partial<SessionTimes>;
  readonly clock?: Clock;
}

/** Opens a session with a broker, and another one after each end, until it is stopped. What a session is for is its subclasses'. */
export abstract class SessionLoop<S extends ClientSession> {
  protected readonly url: string;
  protected readonly log: Log;
  protected readonly times: SessionTimes;
  /** First words of the warning that no session was opened. */
  protected readonly failure: string = "cannot connect to";
  readonly #options: SessionLoopOptions;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  #version: 4 | 5;
  #running: Promise<void> | undefined;
  /** Attempts since a connection was last stable. */
  #attempts = 0;
  readonly #outages: Outages;
  /** Connections in a row that ended before they were stable. */
  #flaps = 0;
  #cancelAnnouncing: (() => void) | undefined;

  constructor(options: SessionLoopOptions) {
    this.#options = options;
    this.log = options.log;
    this.#clock = options.clock ?? systemClock;
    this.#outages = new Outages({ log: options.log, clock: this.#clock });
    this.times = { ...TIMES, ...options.times };
    this.url = brokerUrl(options.address);
    this.#version = options.address.protocolVersion;
  }

  /** Version of the present connection, or the one that is tried next. */
  get protocolVersion(): 4 | 5 {
    return this.#version;
  }

  /** Connects once. Rejects with the reason when that fails. */
  protected abstract open(client: IClientOptions, signal: AbortSignal): Promise<S>;
  /** Subscribes. Where it rejects, the connection ends. */
  protected abstract prepare(session: S): Promise<void>;
  /** Called when a session is prepared and still alive. */
  protected abstract ready(session: S): void;
  /** Called at the end of each session that was opened. */
  protected abstract over(): void;
  /** Returns what is logged of a connection. */
  protected abstract describe(session: S): Recovery;
  /** Called when no session was opened. */
  protected failed(): void {}
  /** What to add to the warning of a lost connection after `flaps` connections in a row that ended too soon. */
  protected hint(_flaps: number): string {
    return "";
  }

  /** Begins to connect, and goes on until {@link stop}. A broker that is away is no error. */
  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    this.#outages.stop();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.#serve(await this.#connect(signal), signal);
      } catch (error) {
        if (!signal.aborted) this.#failed(error);
      }
      // An abort ends the pause by rejecting; the loop sees it.
      await pause(this.#clock, this.#pauseMs(), signal).catch(() => undefined);
    }
  }

  async #connect(signal: AbortSignal): Promise<S> {
    const { address, clientId, keepaliveSeconds } = this.#options;
    const client = {
      ...(await addressOptions(address)),
      clientId,
      keepalive: keepaliveSeconds,
      protocolVersion: this.#version,
      connectTimeout: this.times.connectTimeoutMs,
    };
    return this.open(client, signal);
  }

  /** From the CONNACK to the end of the connection. */
  async #serve(session: S, signal: AbortSignal): Promise<void> {
    const since = this.#clock.monotonic();
    const stop = (): void => void session.end("stopped");
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    try {
      await this.prepare(session);
      if (session.alive) this.#ready(session);
      const reason = await session.ended;
      if (!signal.aborted) this.#lost(reason, this.#clock.monotonic() - since);
      if (session.isTakenOver && this.#options.yields) this.#attempts = ATTEMPTS_UNTIL_LONGEST;
    } catch (error) {
      await session.end("failed");
      throw error;
    } finally {
      signal.removeEventListener("abort", stop);
      this.#cancelAnnouncing?.();
      this.over();
    }
  }

  #ready(session: S): void {
    const announce = () => this.#announce(session);
    if (this.#flaps > 0) this.#cancelAnnouncing = this.#clock.after(this.times.stableMs, announce);
    else announce();
    this.ready(session);
  }

  /** Logs the connection; after connections that ended soon only when this one has lasted. */
  #announce(session: S): void {
    const recovery = this.describe(session);
    const { text, more } = recovery;
    if (!this.#outages.ended(OUTAGE, recovery)) this.log.info(more === undefined ? text : `${text}, ${more}`);
  }

  #lost(reason: string, lastedMs: number): void {
    if (lastedMs < this.times.stableMs) {
      this.#flaps++;
    } else {
      this.#flaps = 0;
      this.#attempts = 0;
    }
    const hint = this.hint(this.#flaps);
    const kind = hint === "" ? "broker_away" : "client_id_in_use";
    const attempts = this.#flaps === 0 ? 0 : 1;
    this.#report({
      kind,
      text: `lost ${this.url}`,
      cause: reason,
      next: `connecting again${hint}`,
      attempts,
    });
  }

  #failed(error: unknown): void {
    if (this.#version === 5 && isVersionRefusal(error)) {
      this.#version = 4;
      this.log.info(`${this.url} does not speak MQTT 5; going on with 3.1.1`);
      return;
    }
    this.failed();
    const isRefused = CREDENTIALS_REFUSED.includes((error as { code?: unknown }).code as number);
    const cause = `${reasonOf(error)}${isRefused ? " (check mqtt.username and mqtt.password)" : ""}`;
    this.#report({
      ...{ kind: isRefused ? "broker_refuses" : "broker_away", text: `${this.failure} ${this.url}`, cause },
      next: "trying again at growing pauses",
    });
  }

  #report(failure: Omit<Failure, "key">): void {
    this.#outages.failed({ key: OUTAGE, ...failure });
  }

  #pauseMs(): number {
    const { firstPauseMs: first, longestPauseMs: longest } = this.times;
    return jittered(backoff({ first, longest }, ++this.#attempts));
  }
}

/** Number of attempts after which the pause is the longest. */
const ATTEMPTS_UNTIL_LONGEST = 20;

/** CONNACK codes for user name, password and permission, of MQTT 3.1.1 (4, 5) and 5 (134, 135). */
const CREDENTIALS_REFUSED = [4, 5, 134, 135];

import type { Log } from "../../log/log.ts";
import { backoff, jittered } from "../../time/backoff.ts";
import { pause, systemClock } from "../../time/clock.ts";
import { addressOptions, type BrokerAddress, brokerUrl, protocolVersion } from "../broker/broker-address.ts";
import type { ConnectionTimes } from "../broker/connection.ts";
import { type Incoming, reasonOf } from "../broker/link.ts";
import { isVersionRefusal } from "../broker/session.ts";
import { IntakeFilters } from "./intake-filters.ts";
import { type IntakeSession, openIntakeSession, RECEIVE_MAXIMUM } from "./intake-session.ts";
import { IntakeSharing, type Sharing } from "./intake-sharing.ts";

export interface IntakeOptions {
  readonly address: BrokerAddress;
  /** Names the session that the broker keeps; nobody else may connect with it. */
  readonly clientId: string;
  readonly keepaliveSeconds: number;
  /** As they go to the broker, base topic included. */
  readonly filters: readonly string[];
  /** Shares the messages with every other intake of this group. */
  readonly share?: Sharing;
  /** Where the subscriptions of the session are remembered. */
  readonly file: string;
  /**
   * Takes a message. It is acknowledged when the promise resolves, in the order of the messages; many are under way at
   * once. Where it rejects the connection ends, and the message comes again.
   */
  take(message: Incoming): Promise<void>;
  /** Messages come, or come no more. */
  readonly onChange?: () => void;
  readonly log: Log;
  readonly times?: Partial<Pick<ConnectionTimes, "connectTimeoutMs" | "firstPauseMs" | "longestPauseMs">>;
}

/** Seconds for which a broker keeps the session of an intake that is away, over MQTT 5. */
const SESSION_EXPIRY_SECONDS = 7 * 86_400;
/** Larger messages are not delivered over MQTT 5. Those between this and what is taken are at least counted. */
const MAXIMUM_PACKET_SIZE = 16 * 1024 * 1024;
const TIMES = { connectTimeoutMs: 10_000, firstPauseMs: 500, longestPauseMs: 20_000 };
/** A connection that lasted so long was a good one. */
const STABLE_MS = 2000;
/** Connections that end sooner than that, one after the other, until the likely reason is told. */
const FLAPS = 3;

/** Takes messages from a broker on a session that the broker keeps, and acknowledges each only when it is safe. */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #times: typeof TIMES;
  readonly #url: string;
  readonly #kept: IntakeFilters;
  readonly #sharing: IntakeSharing | undefined;
  readonly #stopping = new AbortController();
  #version: 4 | 5;
  #running: Promise<void> | undefined;
  #attempts = 0;
  #lastTrouble: string | undefined;
  /** Connections in a row that ended too soon. */
  #flaps = 0;
  #announcing: NodeJS.Timeout | undefined;
  #refused: readonly string[] = [];
  #listening = false;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#times = { ...TIMES, ...options.times };
    this.#url = brokerUrl(options.address);
    this.#kept = new IntakeFilters(options.file, `${this.#url} ${options.clientId}`);
    this.#sharing =
      options.share && new IntakeSharing(options.share, options.log, this.#times.connectTimeoutMs);
    this.#version = protocolVersion(options.address);
  }

  /** Whether messages come: connected, and every subscription is granted. */
  get listening(): boolean {
    return this.#listening && this.#refused.length === 0 && this.#sharing?.silent !== true;
  }

  /** Begins to connect, and goes on until {@link stop}. A broker that is away is no error. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Takes nothing more and acknowledges what becomes safe within some seconds. The broker keeps the rest. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.#serve(await this.#connect(signal), signal);
      } catch (error) {
        if (this.#version === 5 && isVersionRefusal(error)) this.#version = 4;
        else if (!signal.aborted)
          this.#trouble(`messages cannot be taken from ${this.#url}: ${reasonOf(error)}`);
      }
      // An abort ends the pause by rejecting; the loop sees it.
      await pause(systemClock, this.#pauseMs(), signal).catch(() => undefined);
    }
  }

  async #connect(signal: AbortSignal): Promise<IntakeSession> {
    const { address, clientId, keepaliveSeconds } = this.#options;
    return openIntakeSession(
      {
        connectTimeoutMs: this.#times.connectTimeoutMs,
        client: {
          ...(await addressOptions(address)),
          clientId,
          keepalive: keepaliveSeconds,
          protocolVersion: this.#version,
          ...(this.#version === 5 && {
            properties: {
              sessionExpiryInterval: SESSION_EXPIRY_SECONDS,
              receiveMaximum: RECEIVE_MAXIMUM,
              maximumPacketSize: MAXIMUM_PACKET_SIZE,
            },
          }),
        },
        take: (message) => (this.#sharing?.heard(message) ? Promise.resolve() : this.#options.take(message)),
      },
      signal,
    );
  }

  /** From the CONNACK to the end of the connection. */
  async #serve(session: IntakeSession, signal: AbortSignal): Promise<void> {
    const since = performance.now();
    const stop = (): void => void session.end("stopped");
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    try {
      await this.#subscribe(session);
      if (!signal.aborted) this.#arrived(session);
      const reason = await session.ended;
      if (!signal.aborted) this.#lost(reason, performance.now() - since);
    } finally {
      signal.removeEventListener("abort", stop);
      await session.end("failed");
      clearTimeout(this.#announcing);
      this.#sharing?.connectionEnded();
      this.#change(false);
    }
  }

  /** Subscribes to what is not subscribed yet, and ends what a session of earlier settings still has. */
  async #subscribe(session: IntakeSession): Promise<void> {
    const { filters } = this.#options;
    const wanted = this.#sharing ? this.#sharing.filters(filters, session.connack) : filters;
    const known = session.connack.sessionPresent ? this.#kept.read() : [];
    const old = known.filter((filter) => !wanted.includes(filter));
    if (old.length > 0) await session.unsubscribe(old);
    const missing = wanted.filter((filter) => !known.includes(filter));
    const codes = missing.length > 0 ? await session.subscribe(missing) : [];
    const refused = missing.filter((_, i) => codes[i]! >= 128);
    if (old.length > 0 || missing.length > 0)
      this.#kept.write(wanted.filter((filter) => !refused.includes(filter)));
    this.#refused = refused;
    for (const [i, filter] of missing.entries())
      if (codes[i]! >= 128)
        this.#options.log.error(`the broker refuses the subscription to ${filter}: ${refusal(codes[i]!)}`);
  }

  #arrived(session: IntakeSession): void {
    this.#sharing?.probe(session);
    this.#change(true);
    if (this.#flaps > 0) this.#announcing = setTimeout(() => this.#announce(session), STABLE_MS);
    else this.#announce(session);
  }

  #announce({ connack }: IntakeSession): void {
    this.#lastTrouble = undefined;
    const resumed = connack.sessionPresent ? ", going on where it was left" : "";
    const version = this.#version === 5 ? "5" : "3.1.1";
    this.#options.log.info(`taking messages from ${this.#url}, MQTT ${version}${resumed}`);
    if (connack.properties?.sessionExpiryInterval === 0)
      this.#options.log.warn(
        "the broker keeps no sessions: what is published while the historian is away is lost",
      );
  }

  #lost(reason: string, lastedMs: number): void {
    if (lastedMs < STABLE_MS) this.#flaps++;
    else this.#flaps = this.#attempts = 0;
    const { clientId } = this.#options;
    const hint = `; if another client connects as ${clientId}, give one of the two another name (--name or --client-id)`;
    this.#trouble(`lost ${this.#url}: ${reason}; connecting again${this.#flaps < FLAPS ? "" : hint}`);
  }

  #change(listening: boolean): void {
    if (this.#listening === listening) return;
    this.#listening = listening;
    this.#options.onChange?.();
  }

  #trouble(text: string): void {
    if (text === this.#lastTrouble) return;
    this.#lastTrouble = text;
    this.#options.log.warn(text);
  }

  #pauseMs(): number {
    const { firstPauseMs: first, longestPauseMs: longest } = this.#times;
    return jittered(backoff({ first, longest }, ++this.#attempts));
  }
}

/** What to do about a reason code of a SUBACK (MQTT 5 §3.9.3; 128 is the only one of 3.1.1). */
function refusal(code: number): string {
  if (code === 135) return "its access rules do not allow it (code 135)";
  if (code === 158) return "it has no shared subscriptions (code 158); start without --share";
  return `code ${code}; see its access rules`;
}

import { readFileSync, renameSync, writeFileSync } from "node:fs";
import type { IClientOptions } from "mqtt";
import type { Recovery } from "../../log/outages.ts";
import { versionName } from "../broker/broker-address.ts";
import type { Incoming } from "../broker/link.ts";
import { SessionLoop, type SessionLoopOptions } from "../broker/session-loop.ts";
import { type IntakeSession, openIntakeSession, RECEIVE_MAXIMUM } from "./intake-session.ts";
import { IntakeSharing, type Sharing } from "./intake-sharing.ts";

/** `clientId` identifies the session that the broker keeps; no other client may connect with it. */
export interface IntakeOptions extends SessionLoopOptions {
  /** As they are sent to the broker, base topic included. */
  readonly filters: readonly string[];
  /** Shares the messages with every other intake of this group. */
  readonly share?: Sharing;
  /** File that remembers the subscriptions of the session. */
  readonly file: string;
  /**
   * Takes a message. It is acknowledged when the promise resolves, in the order of the messages; many are under way at
   * once. Where it rejects, the connection ends and the message is delivered again.
   */
  take(message: Incoming): Promise<void>;
  /** Called when the subscription becomes active or is lost. */
  readonly onChange?: () => void;
}

/** Time for which a broker keeps the session of an intake that is away, over MQTT 5, in seconds. */
const SESSION_EXPIRY_SECONDS = 7 * 86_400;
/** Maximum size of a message over MQTT 5, in bytes. Messages between this and the size that is stored are counted. */
const MAXIMUM_PACKET_SIZE = 16 * 1024 * 1024;
/** Number of consecutive connections that end too soon after which the likely reason is logged. */
const FLAPS = 3;

/**
 * Takes messages from a broker on a session that the broker keeps, and acknowledges each only when it is safe. At the stop
 * it takes nothing more and acknowledges what becomes safe within some seconds; the broker keeps the rest.
 */
export class Intake extends SessionLoop<IntakeSession> {
  protected override readonly failure = "messages cannot be taken from";
  readonly #options: IntakeOptions;
  readonly #sharing: IntakeSharing | undefined;
  #refused: readonly string[] = [];
  #listening = false;

  constructor(options: IntakeOptions) {
    super(options);
    const { share, log } = options;
    this.#options = options;
    this.#sharing = share && new IntakeSharing(share, log, this.times.connectTimeoutMs);
  }

  /** Whether messages come: connected, and every subscription is granted. */
  get listening(): boolean {
    return this.#listening && this.#refused.length === 0 && this.#sharing?.silent !== true;
  }

  protected override open(client: IClientOptions, signal: AbortSignal): Promise<IntakeSession> {
    const properties = {
      sessionExpiryInterval: SESSION_EXPIRY_SECONDS,
      receiveMaximum: RECEIVE_MAXIMUM,
      maximumPacketSize: MAXIMUM_PACKET_SIZE,
    };
    return openIntakeSession(
      {
        client: { ...client, ...(client.protocolVersion === 5 && { properties }) },
        answerTimeoutMs: this.times.connectTimeoutMs,
        take: (message) => (this.#sharing?.hear(message) ? Promise.resolve() : this.#options.take(message)),
      },
      signal,
    );
  }

  /** Subscribes to what is not subscribed yet, and ends subscriptions that the session has of earlier settings. */
  protected override async prepare(session: IntakeSession): Promise<void> {
    const { clientId, filters, file } = this.#options;
    const kept = new KeptFilters(file, `${this.url} ${clientId}`);
    const wanted = this.#sharing ? this.#sharing.filters(filters, session.connack) : filters;
    const known = session.connack.sessionPresent ? kept.read() : [];
    const old = known.filter((filter) => !wanted.includes(filter));
    if (old.length > 0) await session.unsubscribe(old);
    const missing = wanted.filter((filter) => !known.includes(filter));
    // Over 3.1.1 retained messages come with each subscription.
    const codes =
      missing.length > 0 ? await session.requestSubscriptions(missing, { retainedOnce: true }) : [];
    const refused = missing.filter((_, i) => codes[i]! >= 128);
    if (old.length > 0 || missing.length > 0)
      kept.write(wanted.filter((filter) => !refused.includes(filter)));
    this.#refused = refused;
    for (const [i, filter] of missing.entries())
      if (codes[i]! >= 128)
        this.log.error(`the broker refuses the subscription to ${filter}: ${refusal(codes[i]!)}`);
  }

  protected override ready(session: IntakeSession): void {
    this.#sharing?.probe(session);
    this.#change(true);
  }

  protected override over(): void {
    this.#sharing?.connectionEnded();
    this.#change(false);
  }

  protected override describe({ connack, protocolVersion }: IntakeSession): Recovery {
    if (connack.properties?.sessionExpiryInterval === 0)
      this.log.warn("the broker keeps no sessions: what is published while the historian is away is lost");
    const resumed = connack.sessionPresent ? ", going on where it was left" : "";
    const more = `MQTT ${versionName(protocolVersion)}${resumed}`;
    return { text: `taking messages from ${this.url}`, more };
  }

  protected override hint(flaps: number): string {
    if (flaps < FLAPS) return "";
    const { clientId } = this.#options;
    return `; if another client connects as ${clientId}, give one of the two another name (--name or --client-id)`;
  }

  #change(listening: boolean): void {
    if (this.#listening === listening) return;
    this.#listening = listening;
    this.#options.onChange?.();
  }
}

/** What to do about a reason code of a SUBACK (MQTT 5 §3.9.3; 128 is the only one of 3.1.1). */
function refusal(code: number): string {
  if (code === 135) return "its access rules do not allow it (code 135)";
  if (code === 158) return "it has no shared subscriptions (code 158); start without --share";
  return `code ${code}; see its access rules`;
}

/** Version of the file's layout; files without one are of version 1. */
const KEPT_FORMAT = 1;

/** Remembers over restarts, in a file, what a session that the broker keeps is subscribed to; a broker cannot be asked. */
class KeptFilters {
  readonly #file: string;
  readonly #session: string;

  /** `session`: URL and client id, which identify the session. */
  constructor(file: string, session: string) {
    this.#file = file;
    this.#session = session;
  }

  /** Returns none where the file is missing, damaged, of another session or format: all are subscribed again then. */
  read(): readonly string[] {
    try {
      const { format = 1, session, filters } = JSON.parse(readFileSync(this.#file, "utf8"));
      const isKnown = format === KEPT_FORMAT && session === this.#session;
      return isKnown && Array.isArray(filters) ? filters : [];
    } catch {
      return [];
    }
  }

  write(filters: readonly string[]): void {
    const kept = { format: KEPT_FORMAT, session: this.#session, filters };
    writeFileSync(`${this.#file}.new`, `${JSON.stringify(kept)}\n`, { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
  }
}

import type { Log } from "../../../log.ts";
import type { DriverContext } from "../../driver.ts";
import type { ChargePointClient } from "../api/client.ts";
import { CredentialsError } from "../api/errors.ts";
import type { Fields, Operation, RequestOf, ResponseOf } from "../api/message.ts";
import type { Answers } from "./answers.ts";
import { Breaker } from "./breaker.ts";
import { isForbidden, reads } from "./reads.ts";
import { SessionWindow } from "./session-window.ts";
import { SharedReads } from "./shared-reads.ts";

export interface ReadOptions {
  /** An answer may be this old; 0 asks the service, though a call already under way is joined. */
  readonly maxAgeSeconds: number;
  readonly signal: AbortSignal;
  readonly portDetails?: boolean;
}

export interface AccountInit {
  /** For messages: user name (shortened) and region or endpoint. */
  readonly label: string;
  readonly client: ChargePointClient;
  readonly log: Log;
  readonly notice: DriverContext["notice"];
  /** Seconds on a clock that never jumps. */
  readonly now?: () => number;
  readonly wallClock?: () => Date;
}

/**
 * One user name at one endpoint: what all its devices share. Devices ask it for a station's answer of a certain age
 * and never call the client themselves; it decides which calls that takes.
 */
export class Account {
  readonly label: string;
  readonly #client: ChargePointClient;
  readonly #log: Log;
  readonly #notice: DriverContext["notice"];
  readonly #wallClock: () => Date;
  readonly #shared: SharedReads;
  readonly #breaker: Breaker;
  readonly #sessionWindows = new Map<string, SessionWindow>();
  readonly #forbidden = new Set<string>();
  readonly #closing = new AbortController();

  constructor(init: AccountInit) {
    const now = init.now ?? (() => performance.now() / 1000);
    this.label = init.label;
    this.#client = init.client;
    this.#log = init.log;
    this.#notice = init.notice;
    this.#wallClock = init.wallClock ?? (() => new Date());
    this.#shared = new SharedReads(now);
    this.#breaker = new Breaker({
      now,
      onOpen: (cause) => this.#sayPaused(cause),
      onClose: () => this.#notice("info", "account_back", `account ${this.label} answers again`),
    });
  }

  /** The account's answer for one station. Rejects with ApiError, TransportError, StationMissingError, … */
  read<K extends keyof Answers>(kind: K, stationID: string, options: ReadOptions): Promise<Answers[K]> {
    const portDetails = options.portDetails ?? false;
    const key = this.#key(kind, stationID, portDetails);
    return this.#shared.read(key, options.maxAgeSeconds, options.signal, () =>
      this.#breaker.run(() => this.#fetch(kind, stationID, portDetails)),
    );
  }

  async #fetch<K extends keyof Answers>(
    kind: K,
    stationID: string,
    portDetails: boolean,
  ): Promise<Answers[K]> {
    const window = this.#sessionWindow(stationID);
    const context = {
      client: this.#client,
      stationID,
      portDetails,
      signal: this.#closing.signal,
      sessionsFrom: () => window.from(this.#wallClock()),
    };
    try {
      const answer = await reads[kind](context);
      return kind === "sessions" ? (window.merge(answer as Answers["sessions"]) as Answers[K]) : answer;
    } catch (error) {
      if (isForbidden(error)) this.#sayForbidden(error.operation, error);
      throw error;
    }
  }

  /** Sends a write once and drops what it made stale, whether it went well or not. */
  async write<Q extends Fields, A extends Fields>(
    operation: Operation<Q, A>,
    request: RequestOf<Operation<Q, A>>,
    stationID: string,
    signal: AbortSignal,
  ): Promise<ResponseOf<Operation<Q, A>>> {
    try {
      return await this.#client.call(operation, request, {
        signal: AbortSignal.any([signal, this.#closing.signal]),
      });
    } finally {
      this.forget(stationID);
    }
  }

  /** Makes the next read of the station's changeable answers ask the service, joining nothing that is under way. */
  forget(stationID: string): void {
    for (const kind of ["status", "load", "alarms", "sessions"] as const) {
      for (const portDetails of [false, true]) this.#shared.forget(this.#key(kind, stationID, portDetails));
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("the bridge is stopping"));
    await this.#client.close();
  }

  #key(kind: keyof Answers, stationID: string, portDetails: boolean): string {
    return `${kind}${kind === "status" && portDetails ? "+ports" : ""} ${stationID}`;
  }

  #sessionWindow(stationID: string): SessionWindow {
    const window = this.#sessionWindows.get(stationID) ?? new SessionWindow();
    this.#sessionWindows.set(stationID, window);
    return window;
  }

  #sayPaused(cause: Error): void {
    const kind = cause instanceof CredentialsError ? "credentials_refused" : "account_paused";
    this.#notice(
      "error",
      kind,
      `account ${this.label}: ${cause.message}; it is tried again at a slowing pace`,
    );
  }

  /** Plan and rights do not change between scrapes: one line per operation is enough. */
  #sayForbidden(operation: string, error: Error): void {
    if (this.#forbidden.has(operation)) return;
    this.#forbidden.add(operation);
    this.#log.warn(`account ${this.label} may not use ${operation}; its points are unavailable`, {
      err: error,
    });
  }
}

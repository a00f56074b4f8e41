import type { Log } from "../../../log.ts";
import type { DriverContext, DriverState } from "../../driver.ts";
import type { ChargePointClient } from "../api/client.ts";
import { CredentialsError } from "../api/errors.ts";
import type { Fields, Operation, RequestOf, ResponseOf } from "../api/message.ts";
import { AccountCalls } from "./account-calls.ts";
import { AlarmStore } from "./alarm-store.ts";
import { AlarmsSource } from "./alarms-source.ts";
import type { Answers } from "./answers.ts";
import { Breaker } from "./breaker.ts";
import { CallLimits } from "./call-limits.ts";
import { GatheredReads, type ReaderRound } from "./gathered-reads.ts";
import { LoadSource } from "./load-source.ts";
import { PublicStationsSource } from "./public-stations-source.ts";
import { RightsSource } from "./rights-source.ts";
import { SessionsSource } from "./sessions-source.ts";
import { StationGroups } from "./station-groups.ts";
import { StationsSource } from "./stations-source.ts";
import { OWN_STATUS, PUBLIC_STATUS, StatusSource } from "./status-source.ts";

export interface ReadOptions {
  /** An answer may be this old; 0 asks the service, though a call already under way is joined. */
  readonly maxAgeSeconds: number;
  /** Ends the waiting; the call goes on for others. Absent: whoever reads sees to that. */
  readonly signal?: AbortSignal;
  readonly portDetails?: boolean;
  /** Of a scrape: an answer that was fetched with others' since its last one will do too. */
  readonly round?: ReaderRound;
}

export interface AccountInit {
  /** For messages: user name (shortened) and region or endpoint. */
  readonly label: string;
  readonly client: Pick<ChargePointClient, "call" | "close">;
  readonly log: Log;
  readonly notice: DriverContext["notice"];
  readonly state: DriverState;
  /** What its state is stored under. */
  readonly stateKey: string;
  readonly callsInFlight: number;
  readonly callsPerMinute: number;
  /** Seconds on a clock that never jumps. */
  readonly now?: () => number;
  readonly wallClock?: () => Date;
  /** Calls back after so many seconds, unless what it gives is called before. */
  readonly later?: (seconds: number, then: () => void) => () => void;
  /** Calls back when the present moment is over. */
  readonly gather?: (then: () => void) => void;
}

type AllReads = { readonly [K in keyof Answers]: GatheredReads<Answers[K]> };

/** So long a scrape waits for a walk over the whole account, seconds; the walk goes on. */
const PATIENCE_SECONDS = 5;
const WALKS: ReadonlySet<keyof Answers> = new Set([
  "station",
  "rights",
  "alarms",
  "sessions",
  "publicStation",
]);

/** A walk over the whole account has not come to the station yet. */
export class StillReadingError extends Error {
  override readonly name = "StillReadingError";
}

/**
 * One user name at one endpoint: what all its devices share. Devices ask it for a station's answer of a certain age
 * and never call the client themselves; it decides which calls that takes.
 */
export class Account {
  readonly label: string;
  readonly #client: AccountInit["client"];
  readonly #later: NonNullable<AccountInit["later"]>;
  readonly #calls: AccountCalls;
  readonly #reads: AllReads;
  readonly #status: StatusSource;
  readonly #closing = new AbortController();

  constructor(init: AccountInit) {
    const { label, log, notice, client } = init;
    const now = init.now ?? (() => performance.now() / 1000);
    const wallClock = init.wallClock ?? (() => new Date());
    const { signal } = this.#closing;
    this.label = label;
    this.#client = client;
    this.#later = init.later ?? after;
    const limits = new CallLimits({
      inFlight: init.callsInFlight,
      perMinute: init.callsPerMinute,
      now,
      later: this.#later,
    });
    const breaker = new Breaker({
      now,
      onOpen: (cause) => {
        const kind = cause instanceof CredentialsError ? "credentials_refused" : "account_paused";
        notice("error", kind, `account ${label}: ${cause.message}; it is tried again at a slowing pace`);
      },
      onClose: () => notice("info", "account_back", `account ${label} answers again`),
    });
    this.#calls = new AccountCalls({ label, client, limits, breaker, log });
    const groups = new StationGroups(this.#calls, {
      now,
      signal,
      onFailure: (error, group) => {
        const what = group ? `station group ${group.sgID}` : "its station groups";
        const text = `account ${label}: ${what} cannot be read, so loads are read station by station`;
        log.warn(text, { err: error as Error });
      },
    });
    this.#status = new StatusSource(this.#calls, signal, OWN_STATUS);
    const options = { now, gather: init.gather ?? ((then) => void setImmediate(then)) };
    const store = new AlarmStore(init.state, `alarms ${init.stateKey}`);
    this.#reads = {
      station: new GatheredReads(new StationsSource(this.#calls, signal, now), options),
      status: new GatheredReads(this.#status, options),
      load: new GatheredReads(
        new LoadSource(this.#calls, signal, groups, () => this.#reads.load.audience),
        options,
      ),
      alarms: new GatheredReads(new AlarmsSource(this.#calls, { signal, now, wallClock, store }), options),
      rights: new GatheredReads(new RightsSource(this.#calls, signal, now), options),
      sessions: new GatheredReads(new SessionsSource(this.#calls, { signal, now, wallClock }), options),
      publicStation: new GatheredReads(new PublicStationsSource(this.#calls, signal), options),
      publicStatus: new GatheredReads(new StatusSource(this.#calls, signal, PUBLIC_STATUS), options),
    };
  }

  /** Counts on rounds of a reader that has not asked yet. */
  expect(
    kind: keyof Answers,
    stationID: string,
    options: Omit<ReadOptions, "signal"> & { readonly round: ReaderRound },
  ): void {
    this.#wantPortDetails(options);
    this.#reads[kind].expect(stationID, options.maxAgeSeconds, options.round);
  }

  /** Counts no more on this reader's rounds. */
  leave(kind: keyof Answers, stationID: string, reader: object): void {
    this.#reads[kind].audience.leave(stationID, reader);
  }

  /** Calls of a walk that concerns no single station, within the account's limits. */
  get calls(): Pick<ChargePointClient, "call"> {
    return this.#calls;
  }

  /** The account's answer for one station. Rejects with ApiError, TransportError, StationMissingError, … */
  read<K extends keyof Answers>(kind: K, stationID: string, options: ReadOptions): Promise<Answers[K]> {
    this.#wantPortDetails(options);
    const reads = this.#reads[kind];
    const work = reads.read(stationID, options.maxAgeSeconds, options.signal, options.round);
    return options.round && WALKS.has(kind) ? this.#within(reads, stationID, kind, work) : work;
  }

  /** What was read last, whatever its age; undefined where nothing was, or where it was let go. */
  last<K extends keyof Answers>(kind: K, stationID: string): Promise<Answers[K]> | undefined {
    return (this.#reads[kind] as GatheredReads<Answers[K]>).last(stationID);
  }

  /** All are read with the details as soon as one reader needs them: one page serves all. */
  #wantPortDetails({ portDetails }: { readonly portDetails?: boolean }): void {
    if (!portDetails || this.#status.portDetails) return;
    this.#status.portDetails = true;
    for (const stationID of this.#reads.status.audience.stationIDs()) this.#reads.status.forget(stationID);
  }

  /** A scrape does not wait for a long walk: it takes what was read before, or goes without. */
  #within<A>(reads: GatheredReads<A>, stationID: string, kind: string, work: Promise<A>): Promise<A> {
    const { promise, resolve, reject } = Promise.withResolvers<A>();
    const giveUp = () => {
      const error = new StillReadingError(
        `the ${kind} answers of account ${this.label} are still being read, station ${stationID} has none yet; the next scrape may have it`,
      );
      (reads.last(stationID) ?? Promise.reject(error)).then(resolve, reject);
    };
    const arrived = this.#later(PATIENCE_SECONDS, giveUp);
    work.then(resolve, reject).finally(arrived);
    return promise;
  }

  /** Sends a write once and drops what it made stale, whether it went well or not. */
  async write<Q extends Fields, A extends Fields>(
    operation: Operation<Q, A>,
    request: RequestOf<Operation<Q, A>>,
    stationID: string,
    signal: AbortSignal,
  ): Promise<ResponseOf<Operation<Q, A>>> {
    try {
      return await this.#calls.write(operation, request, AbortSignal.any([signal, this.#closing.signal]));
    } finally {
      this.forget(stationID);
      if (operation.name === "clearAlarms") this.#reads.alarms.forget(stationID);
    }
  }

  /** Makes the next read past every cache join nothing that is under way, and drops what a shed changes. */
  forget(stationID: string): void {
    for (const kind of ["status", "load"] as const) this.#reads[kind].forget(stationID);
    for (const kind of ["alarms", "sessions"] as const) this.#reads[kind].leave(stationID);
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("the bridge is stopping"));
    await this.#client.close();
  }
}

function after(seconds: number, then: () => void): () => void {
  const timer = setTimeout(then, seconds * 1000).unref();
  return () => clearTimeout(timer);
}

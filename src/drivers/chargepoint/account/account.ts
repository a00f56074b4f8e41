import type { Log } from "../../../log/log.ts";
import { Reported } from "../../../log/notices.ts";
import { type Clock, secondsOn, systemClock } from "../../../time/clock.ts";
import { untilAborted } from "../../../time/until-aborted.ts";
import type { DriverContext, DriverState } from "../../driver.ts";
import type { ChargePointClient } from "../api/client.ts";
import { CredentialsError } from "../api/errors.ts";
import type { Fields, Operation, RequestOf, ResponseOf } from "../api/message.ts";
import type { AnswerKind, Answers } from "./answers.ts";
import { AccountCalls } from "./limits/account-calls.ts";
import { Breaker } from "./limits/breaker.ts";
import { CallLimits } from "./limits/call-limits.ts";
import { GatheredReads, type Source } from "./reads/gathered-reads.ts";
import type { Member, Pace } from "./reads/round-readers.ts";
import type { Waiter } from "./reads/station-answers.ts";
import { StationGroups } from "./reads/station-groups.ts";
import { AlarmStore } from "./sources/alarm-store.ts";
import { AlarmsSource } from "./sources/alarms-source.ts";
import { LoadSource } from "./sources/load-source.ts";
import { rightsSource } from "./sources/rights-source.ts";
import { SessionsSource } from "./sources/sessions-source.ts";
import { publicStationsSource, stationsSource } from "./sources/stations-source.ts";
import { OWN_STATUS, PUBLIC_STATUS, StatusSource } from "./sources/status-source.ts";

export interface ReadOptions {
  /** Maximum age of the answer; 0 asks the service, or joins a call in progress. */
  readonly maxAgeSeconds: number;
  /** Ends the wait; the call continues for other callers. */
  readonly signal?: AbortSignal;
  readonly portDetails?: boolean;
}

/** A device that reads one kind of answer in rounds. */
export type Reader = Member<unknown>;

export interface AccountInit {
  /** For messages: the shortened user name, and the region or endpoint. */
  readonly label: string;
  readonly client: Pick<ChargePointClient, "call" | "close">;
  readonly log: Log;
  readonly notice: DriverContext["notice"];
  readonly outages: DriverContext["outages"];
  readonly state: DriverState;
  /** Key of its stored state. */
  readonly stateKey: string;
  readonly callsInFlight: number;
  readonly callsPerMinute: number;
  readonly clock?: Clock;
  /** Calls back at the end of the current turn of the event loop. */
  readonly gather?: (then: () => void) => void;
}

type AllReads = { readonly [K in keyof Answers]: GatheredReads<Answers[K]> };

/** Maximum time a scrape waits for a walk over the whole account, in milliseconds; the walk continues. */
const LONGEST_WAIT_MS = 5000;
const WALKS: ReadonlySet<AnswerKind> = new Set(["station", "rights", "alarms", "sessions", "publicStation"]);

/** The walk over the whole account has not reached the station yet. */
export class StillReadingError extends Error {
  override readonly name = "StillReadingError";
}

/**
 * One user name at one endpoint: what all its devices share. Devices ask it for a station's answer of a maximum age and
 * never call the client themselves; the account decides which calls that takes.
 */
export class Account {
  readonly label: string;
  readonly #client: AccountInit["client"];
  readonly #clock: Clock;
  readonly #calls: AccountCalls;
  readonly #reads: AllReads;
  readonly #status: StatusSource;
  readonly #outages: AccountInit["outages"];
  readonly #closing = new AbortController();

  constructor(init: AccountInit) {
    const { label, log, notice, outages, client, clock = systemClock } = init;
    this.#clock = clock;
    const { signal } = this.#closing;
    this.label = label;
    this.#client = client;
    this.#outages = outages;
    const limits = new CallLimits({
      inFlight: init.callsInFlight,
      perMinute: init.callsPerMinute,
      clock,
    });
    const failed = (cause: Error, attempts: number) =>
      outages.failed({
        ...{ key: `account ${label}`, text: `account ${label}`, cause: cause.message, attempts },
        kind: cause instanceof CredentialsError ? "credentials_refused" : "account_paused",
        severity: "error",
        next: "retries continue with growing pauses",
      });
    const breaker = new Breaker({
      clock,
      onOpen: (cause, failures) => {
        // Reads that failed in an outage are repeated as soon as it ends.
        this.#forgetFailures(Number.POSITIVE_INFINITY);
        failed(cause, failures);
      },
      onFailure: (cause) => failed(cause, 1),
      onClose: () => {
        this.#forgetFailures(secondsOn(clock));
        outages.ended(`account ${label}`, { text: `account ${label} answers again`, kind: "account_back" });
      },
    });
    this.#calls = new AccountCalls({ label, client, limits, breaker, log });
    const groups = new StationGroups(this.#calls, {
      clock,
      signal,
      onFailure: (error, group) => {
        const what = group ? `station group ${group.sgID}` : "its station groups";
        const text = `account ${label}: ${what} cannot be read, so loads are read station by station`;
        log.warn(text, { err: error as Error });
      },
    });
    this.#status = new StatusSource(this.#calls, signal, OWN_STATUS);
    const options = { clock, gather: init.gather ?? ((then) => void setImmediate(then)) };
    const store = new AlarmStore(init.state, `alarms ${init.stateKey}`);
    const forbidden = new Reported(clock);
    const onForbidden = ({ message }: Error) => {
      if (!forbidden.isNew(message)) return;
      const remedy =
        "ask ChargePoint or the owner of the stations for the right, or remove the rows of AlarmRegister and read_alarms";
      const text = `account ${label}: alarms cannot be read, so none are announced: ${message}; ${remedy}`;
      notice("warning", "alarms_refused", text);
    };
    const reads = <K extends AnswerKind>(kind: K, source: Source<Answers[K]>) =>
      new GatheredReads(kind, source, options);
    this.#reads = {
      station: reads("station", stationsSource(this.#calls, signal, clock)),
      status: reads("status", this.#status),
      load: reads("load", new LoadSource(this.#calls, signal, groups, () => this.#reads.load.readers)),
      alarms: reads("alarms", new AlarmsSource(this.#calls, { signal, clock, store, onForbidden })),
      rights: reads("rights", rightsSource(this.#calls, signal, clock)),
      sessions: reads("sessions", new SessionsSource(this.#calls, { signal, clock })),
      publicStation: reads("publicStation", publicStationsSource(this.#calls, signal)),
      publicStatus: reads("publicStatus", new StatusSource(this.#calls, signal, PUBLIC_STATUS)),
    };
  }

  /** Registers a device's rounds, so that the first scrape of a fleet is already one round. */
  join(kind: AnswerKind, stationID: string, options: Pace & Pick<ReadOptions, "portDetails">): Reader {
    this.#wantPortDetails(options);
    return this.#of(kind).join(stationID, options);
  }

  /** Removes a device's rounds. */
  leave(reader: Reader): void {
    this.#of(reader.kind).leave(reader);
  }

  /** Reads for a reader's round: an answer fetched with others' since its last round is fresh enough. */
  ask(reader: Reader, waiter: Waiter): void {
    const { kind } = reader;
    const patient = WALKS.has(kind)
      ? (impatient: Waiter) => this.#boundedWaiter(reader, impatient)
      : undefined;
    this.#of(kind).ask(reader, waiter, patient);
  }

  /** Seconds on the clock that dates the answers. */
  get nowSeconds(): number {
    return secondsOn(this.#clock);
  }

  /** Makes calls of a walk that concerns no single station, within the account's limits. */
  get calls(): Pick<ChargePointClient, "call"> {
    return this.#calls;
  }

  /** Whether reads are paused after failures. */
  get isPaused(): boolean {
    return this.#calls.isPaused;
  }

  /** Whether reads wait because the calls of the last minute are used up. */
  get isUsedUp(): boolean {
    return this.#calls.isUsedUp;
  }

  /** Returns the account's answer for one station. Rejects with ApiError, TransportError, StationMissingError, … */
  read<K extends AnswerKind>(kind: K, stationID: string, options: ReadOptions): Promise<Answers[K]> {
    this.#wantPortDetails(options);
    const { maxAgeSeconds, signal } = options;
    const work = new Promise<Answers[K]>((resolve, reject) => {
      this.#reads[kind].read(stationID, maxAgeSeconds, {
        answered: (_kind, answer) => resolve(answer as Answers[K]),
        failed: (_kind, error) => reject(error),
      });
    });
    return signal ? untilAborted(work, signal) : work;
  }

  /**
   * Returns the last answer where it is younger than the given age; undefined where there is none, or where it was
   * released.
   */
  last<K extends AnswerKind>(kind: K, stationID: string, maxAgeSeconds?: number): Answers[K] | undefined {
    return this.#of(kind).last(stationID, maxAgeSeconds) as Answers[K] | undefined;
  }

  /** All status reads include port details as soon as one reader needs them, so that all share one page. */
  #wantPortDetails({ portDetails }: Pick<ReadOptions, "portDetails">): void {
    if (!portDetails || this.#status.portDetails) return;
    this.#status.portDetails = true;
    for (const stationID of this.#reads.status.readers.stationIDs()) this.#reads.status.forget(stationID);
  }

  /** Limits how long a scrape waits for a long walk: after that it uses the last answer, or fails. */
  #boundedWaiter({ kind, stationID }: Reader, waiter: Waiter): Waiter {
    const bounded = new BoundedWaiter(waiter);
    const giveUp = () => {
      if (this.#of(kind).deliverLast(stationID, bounded)) return;
      const text = `the ${kind} answers of account ${this.label} are still being read, and station ${stationID} has none yet; retry with the next scrape`;
      bounded.failed(kind, new StillReadingError(text));
    };
    bounded.ends(this.#clock.after(LONGEST_WAIT_MS, giveUp));
    return bounded;
  }

  #forgetFailures(untilSeconds: number): void {
    for (const reads of Object.values(this.#reads)) reads.forgetFailures(untilSeconds);
  }

  #of(kind: AnswerKind): GatheredReads<unknown> {
    return this.#reads[kind] as GatheredReads<unknown>;
  }

  /** Sends a write once and drops the answers that it made outdated, whether it succeeded or not. */
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

  /** Drops the answers that a shed changes, and keeps the next uncached read from joining calls in progress. */
  forget(stationID: string): void {
    for (const kind of ["status", "load"] as const) this.#reads[kind].forget(stationID);
    for (const kind of ["alarms", "sessions"] as const) this.#reads[kind].leaveCalls(stationID);
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("the bridge is stopping"));
    this.#outages.forget(`account ${this.label}`);
    await this.#client.close();
  }
}

/** Passes the first outcome to a waiter, the answer or the end of its time limit, and ignores all later ones. */
class BoundedWaiter implements Waiter {
  #waiter: Waiter | undefined;
  #cancel: (() => void) | undefined;

  constructor(waiter: Waiter) {
    this.#waiter = waiter;
  }

  /** Sets the function that is called as soon as there is an outcome. */
  ends(cancel: () => void): void {
    this.#cancel = cancel;
  }

  answered(kind: AnswerKind, answer: unknown, atSeconds: number): void {
    this.#end()?.answered(kind, answer, atSeconds);
  }

  failed(kind: AnswerKind, error: unknown): void {
    this.#end()?.failed(kind, error);
  }

  #end(): Waiter | undefined {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    this.#cancel?.();
    return waiter;
  }
}

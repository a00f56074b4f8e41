import { type Log, messageOf } from "../../log/log.ts";
import { Reported } from "../../log/notices.ts";
import { Outages } from "../../log/outages.ts";
import type { PortEnergy, SessionOutlet } from "../../points/index.ts";
import { type Clock, pause, systemClock } from "../../time/clock.ts";
import type { SessionDatabase } from "../database/contract.ts";
import { wireTime } from "../database/times.ts";
import { announceEnergy, announceSessions } from "./announce.ts";
import { LifetimeEnergy, type LifetimeEnergyOptions } from "./lifetime-energy.ts";
import type { SessionAccount, SyncReport } from "./options.ts";
import { lastRun } from "./run.ts";
import { syncSessions } from "./sync.ts";

export interface ContinuousSettings {
  readonly intervalSeconds: number;
  /** Days before now from which the first round reads. */
  readonly lookBackDays: number;
  /** Days before now that one round a day reads again, for sessions that changed or were reported late. */
  readonly recheckDays: number;
  readonly personalData: boolean;
  readonly payments: boolean;
  readonly intervals: boolean;
  /** Whether events of sessions are published. */
  readonly publish: boolean;
  readonly publishPersonalData: boolean;
}

export interface ContinuousOptions extends Pick<LifetimeEnergyOptions, "state" | "onEnergy"> {
  /** Returns the current accounts; device sets add theirs later. */
  readonly accounts: () => readonly SessionAccount[];
  /** Opened by the first successful round; closed by the owner. */
  readonly database: SessionDatabase;
  readonly settings: ContinuousSettings;
  readonly outlet: SessionOutlet;
  readonly log: Log;
  readonly clock?: Clock;
}

const DAY_MS = 86_400_000;
/** Overlap of a round with the previous one: the source updates its data every five minutes (guide §6.1). */
const OVERLAP_MS = 3_600_000;
const STOP_MS = 2000;

/**
 * Reads sessions every few minutes from the end of the previous round, so that sessions during a downtime are found later. A failure is
 * reported once and retried in the next round.
 */
export class ContinuousSync {
  readonly #options: ContinuousOptions;
  readonly #clock: Clock;
  readonly #ending = new AbortController();
  /** Reported problems of accounts. */
  readonly #reported = new Reported();
  readonly #outages: Outages;
  /** Accounts whose stations were read by this process. */
  readonly #stationsRead = new Set<string>();
  readonly #energy: LifetimeEnergy;
  /** Start of the first session that an emptied database needs, in milliseconds since 1970. */
  #neededFrom = Number.POSITIVE_INFINITY;
  #opened = false;
  #running: Promise<void> | undefined;

  constructor(options: ContinuousOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#outages = new Outages(options);
    this.#energy = new LifetimeEnergy(options);
  }

  /** Returns the lifetime energy of a station's ports, as far as it is known. */
  energiesOf(stationID: string | undefined): Iterable<PortEnergy> {
    return this.#energy.of(stationID);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Aborts the current round, and waits for its end for at most 2 s; what it has stored remains. */
  async stop(): Promise<void> {
    this.#ending.abort(new Error("the bridge stops"));
    const waited = new AbortController();
    const late = pause(this.#clock, STOP_MS, waited.signal).catch(() => undefined);
    // A database that does not answer must not delay the stop.
    await Promise.race([this.#running, late]);
    waited.abort();
    this.#outages.stop();
  }

  /** Reads every account and publishes events. Never rejects. */
  async round(): Promise<void> {
    const { accounts, database, outlet, settings } = this.#options;
    const { signal } = this.#ending;
    if (!(await this.#attempt("the tables", () => this.#open()))) return;
    for (const account of accounts()) {
      await this.#attempt(`sessions of ${account.label}`, async () =>
        this.#logProblems(account, await this.#sync(account)),
      );
    }
    await this.#attempt("lifetime energy", async () => {
      await this.#energy.count(this.#clock.now(), this.#accountKeys);
      await announceEnergy(database, { outlet, signal });
    });
    if (!settings.publish) return;
    await this.#attempt("session events", () =>
      announceSessions(database, { outlet, personalData: settings.publishPersonalData, signal }),
    );
  }

  get #accountKeys(): ReadonlySet<string> {
    return new Set(this.#options.accounts().map(({ key }) => key));
  }

  async #open(): Promise<void> {
    if (this.#opened) return;
    const { database, outlet, log } = this.#options;
    const { signal } = this.#ending;
    await database.open(signal);
    if (await this.#energy.restore())
      log.warn("the session database has less energy than was published; the ports go on from that");
    const neededFrom = await this.#energy.neededFrom();
    if (neededFrom !== undefined) this.#neededFrom = Date.parse(neededFrom);
    // The broker may have lost retained messages, and a sync by hand publishes nothing.
    const sql = `UPDATE port_energy SET to_announce = CAST(? AS ${database.dialect.types.boolean})`;
    await database.write([{ sql, rows: [[true]] }]);
    // An end in the middle of a read may have left sessions that were not counted.
    await this.#energy.count(this.#clock.now(), this.#accountKeys);
    await announceEnergy(database, { outlet, signal });
    this.#opened = true;
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      const started = this.#clock.monotonic();
      await this.round();
      const took = this.#clock.monotonic() - started;
      const wait = Math.max(1000, this.#options.settings.intervalSeconds * 1000 - took);
      await pause(this.#clock, wait, signal).catch(() => undefined);
    }
  }

  async #sync(account: SessionAccount): Promise<SyncReport> {
    const { database, settings } = this.#options;
    const { lookBackDays, recheckDays, personalData, payments, intervals, publish } = settings;
    const now = this.#clock.now();
    const last = await lastRun(database, account.key, "continuous");
    const rechecks = last !== undefined && now - Date.parse(last.rechecked_at ?? last.first_at) >= DAY_MS;
    const first = Math.min(now - lookBackDays * DAY_MS, this.#neededFrom);
    const behind = last ? Date.parse(last.sessions_to) - OVERLAP_MS : first;
    const from = rechecks ? Math.min(behind, now - recheckDays * DAY_MS) : behind;
    const report = await syncSessions({
      ...{ account, database, kind: "continuous", from: new Date(from), rechecks },
      ...{ personalData, payments, intervals },
      nameplates: rechecks || !this.#stationsRead.has(account.key),
      announceSince: publish ? (last?.first_at ?? wireTime(new Date(this.#clock.now()))) : null,
      signal: this.#ending.signal,
      clock: this.#clock,
    });
    this.#stationsRead.add(account.key);
    return report;
  }

  /** Logs what could not be read and why, each once. */
  #logProblems({ label }: SessionAccount, { counts, problems, refused }: SyncReport): void {
    const { log } = this.#options;
    const { added, updated } = counts;
    if (added + updated > 0) log.debug("charging sessions stored", { account: label, added, updated });
    for (const problem of [
      ...problems,
      ...[...refused.keys()].map((reason) => `records are not stored: ${reason}`),
    ]) {
      const line = `${label}: ${problem}`;
      if (this.#reported.isNew(line)) log.warn(line);
    }
  }

  /** Runs `work` and returns whether it succeeded. Reports failures and the recovery. */
  async #attempt(what: string, work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      this.#outages.ended(what, { text: `${what}: works again` });
      return true;
    } catch (error) {
      if (!this.#ending.signal.aborted)
        this.#outages.failed({
          ...{ key: what, kind: "sessions_failing", text: what, cause: messageOf(error) },
          next: "retrying in the next round",
        });
      return false;
    }
  }
}

import type { Log } from "../../log/log.ts";
import { Reported } from "../../log/notices.ts";
import type { SessionOutlet } from "../../points/index.ts";
import { type Clock, pause, systemClock } from "../../time/clock.ts";
import type { SessionDatabase } from "../database/contract.ts";
import { wireTime } from "../database/times.ts";
import { announce } from "./announce.ts";
import type { SessionAccount, SyncReport } from "./options.ts";
import { lastRun } from "./run.ts";
import { syncSessions } from "./sync.ts";

export interface ContinuousSettings {
  readonly intervalSeconds: number;
  /** How far the first round looks back. */
  readonly lookBackDays: number;
  /** How far a round looks back once a day, for sessions that changed or came late. */
  readonly recheckDays: number;
  readonly personalData: boolean;
  readonly payments: boolean;
  readonly intervals: boolean;
  readonly publishPersonalData: boolean;
}

export interface ContinuousOptions {
  /** As they are now: sets of stations bring theirs later. */
  readonly accounts: () => readonly SessionAccount[];
  /** Opened by the first round that can; closed by the owner. */
  readonly database: SessionDatabase;
  readonly settings: ContinuousSettings;
  /** Absent: no events are published, nor kept for it. */
  readonly outlet?: SessionOutlet;
  readonly log: Log;
  readonly clock?: Clock;
}

const DAY_MS = 86_400_000;
/** A round looks so far behind the end of the one before: the source renews its data every five minutes (guide §6.1). */
const OVERLAP_MS = 3_600_000;

/**
 * Reads sessions every few minutes, from where the last round has come to: what happened while nobody looked is found by
 * the next round. A failure is said once and tried again with the next round.
 */
export class ContinuousSync {
  readonly #options: ContinuousOptions;
  readonly #clock: Clock;
  readonly #ending = new AbortController();
  /** Problems of accounts, and what failed in the last round. */
  readonly #reported = new Reported();
  /** Accounts whose stations were read by this process. */
  readonly #known = new Set<string>();
  #opened = false;
  #running: Promise<void> | undefined;

  constructor(options: ContinuousOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends the round under way; what it has stored stays. */
  async stop(): Promise<void> {
    this.#ending.abort(new Error("the bridge stops"));
    await this.#running;
  }

  /** Reads every account and publishes what there is to tell. Never rejects. */
  async round(): Promise<void> {
    const { accounts, database, outlet, settings } = this.#options;
    const { signal } = this.#ending;
    if (!(await this.#attempt("the tables", () => this.#open()))) return;
    for (const account of accounts()) {
      await this.#attempt(`sessions of ${account.label}`, async () =>
        this.#tell(account, await this.#sync(account)),
      );
    }
    if (!outlet) return;
    await this.#attempt("session events", async () => {
      await announce(database, { outlet, personalData: settings.publishPersonalData, signal });
    });
  }

  async #open(): Promise<void> {
    if (this.#opened) return;
    const { database, outlet } = this.#options;
    await database.open(this.#ending.signal);
    // The broker may have lost what it retained, and who syncs by hand publishes nothing.
    if (outlet) {
      const sql = `UPDATE port_energy SET to_announce = CAST(? AS ${database.dialect.types.boolean})`;
      await database.write([{ sql, rows: [[true]] }]);
    }
    this.#opened = true;
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      const begun = this.#clock.monotonic();
      await this.round();
      const took = this.#clock.monotonic() - begun;
      const wait = Math.max(1000, this.#options.settings.intervalSeconds * 1000 - took);
      await pause(this.#clock, wait, signal).catch(() => undefined);
    }
  }

  async #sync(account: SessionAccount): Promise<SyncReport> {
    const { database, settings, outlet } = this.#options;
    const { lookBackDays, recheckDays, personalData, payments, intervals } = settings;
    const now = this.#clock.now();
    const last = await lastRun(database, account.key, "continuous");
    const rechecks = last !== undefined && now - Date.parse(last.rechecked_at ?? last.first_at) >= DAY_MS;
    const behind = last ? Date.parse(last.sessions_to) - OVERLAP_MS : now - lookBackDays * DAY_MS;
    const from = rechecks ? Math.min(behind, now - recheckDays * DAY_MS) : behind;
    const report = await syncSessions({
      ...{ account, database, kind: "continuous", from: new Date(from), rechecks },
      ...{ personalData, payments, intervals },
      nameplates: rechecks || !this.#known.has(account.key),
      announceSince: outlet ? (last?.first_at ?? wireTime(new Date(this.#clock.now()))) : null,
      signal: this.#ending.signal,
      clock: this.#clock,
    });
    this.#known.add(account.key);
    return report;
  }

  /** What could not be read and why, each once. */
  #tell({ label }: SessionAccount, { counts, problems, refused }: SyncReport): void {
    const { log } = this.#options;
    const { added, updated } = counts;
    if (added + updated > 0) log.debug("charging sessions stored", { account: label, added, updated });
    for (const problem of [
      ...problems,
      ...[...refused.keys()].map((reason) => `records are refused: ${reason}`),
    ]) {
      const line = `${label}: ${problem}`;
      if (this.#reported.isNew(line)) log.warn(line);
    }
  }

  /** Gives whether it went well; says once where it does not any more, or does again. */
  async #attempt(what: string, work: () => Promise<unknown>): Promise<boolean> {
    const { log } = this.#options;
    try {
      await work();
      if (this.#reported.ended(what)) log.info(`${what}: works again`);
      return true;
    } catch (error) {
      const failure = (error as Error).message;
      if (!this.#ending.signal.aborted && this.#reported.isNew(what, failure))
        log.warn(`${what}: ${failure}; tried again with the next round`);
      return false;
    }
  }
}

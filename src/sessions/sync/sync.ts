import {
  ApiError,
  type ChargingSession,
  operations,
  ProtocolError,
  pages,
  SoapFaultError,
} from "../../drivers/chargepoint/api/index.ts";
import { type Clock, systemClock } from "../../time/clock.ts";
import type { Statement } from "../database/contract.ts";
import { toWireTime, wireTime } from "../database/times.ts";
import { SessionReader } from "../query/reader.ts";
import type { Progress, SyncOptions, SyncReport } from "./options.ts";
import { readAlarms, readIntervals, readPayments, readStations, readUsers } from "./read-others.ts";
import { advanceRun, countPage, endRun, lastRun, type Run, storeRun } from "./run.ts";
import { SessionStore } from "./store.ts";
import { walkSessions } from "./walk.ts";

/** Maximum number of sessions per run that are looked up one by one, because they ended and started before the walk. */
const MAX_LOOKUPS = 500;

/**
 * Reads sessions and related records into the tables. Records and progress are stored together, so an interrupted run can be resumed.
 *
 * @throws TransportError, CredentialsError and similar errors when the service does not respond; SessionDatabaseError; the signal's
 * reason
 */
export async function syncSessions(options: SyncOptions): Promise<SyncReport> {
  return await new Sync(options).run();
}

class Sync {
  readonly #options: SyncOptions;
  readonly #store: SessionStore;
  readonly #reader: SessionReader;
  readonly #clock: Clock;
  /** Start time in the format of the tables. */
  readonly #at: string;
  readonly #problems: string[] = [];
  readonly #refused = new Map<string, number>();

  constructor(options: SyncOptions) {
    this.#options = options;
    this.#store = new SessionStore(options.database, options);
    this.#reader = new SessionReader(options.database);
    this.#clock = options.clock ?? systemClock;
    this.#at = wireTime(new Date(this.#clock.now()));
  }

  async run(): Promise<SyncReport> {
    const { account, database, kind, payments, intervals, nameplates } = this.#options;
    const { run, walkFrom, resumed } = await this.#begin();
    const to = run.range_to ?? this.#at;
    const read = {
      ...this.#options,
      client: account.client,
      store: this.#store,
      at: this.#at,
      refuse: (reasons: ReadonlyMap<string, number>) => this.#refuse(reasons),
      progress: (phase: Progress["phase"], count: number, reached?: string) =>
        this.#options.onProgress?.({
          phase,
          count,
          from: run.range_from,
          to,
          ...(reached !== undefined && { reached }),
        }),
    };
    let stations = 0;
    if (nameplates) {
      stations = await this.#part(operations.getStations.name, () => readStations(read));
      if (this.#options.personalData) await this.#part(operations.getUsers.name, () => readUsers(read));
    }
    await this.#sessions(run, { from: walkFrom, to, known: resumed !== undefined }, (count, reached) =>
      read.progress("sessions", count, reached),
    );
    const paid = payments
      ? await this.#part(operations.getTransactionData.name, () =>
          readPayments(read, run.payments_to, to, (reached) => this.#reached(run, { payments_to: reached })),
        )
      : 0;
    const alarms = await this.#part(operations.getAlarms.name, () => readAlarms(read, run.range_from, to));
    const quarters = intervals
      ? await this.#part(operations.get15minChargingSessionData.name, () =>
          readIntervals(read, this.#reader, account.key, run.range_from, to),
        )
      : 0;
    // A bridge counts after the accounts of a round, once for all.
    if (kind === "backfill") await this.#store.countEnergy(this.#at, false);
    await database.write([
      endRun(
        database.dialect,
        run,
        wireTime(new Date(this.#clock.now())),
        this.#options.rechecks ? this.#at : null,
      ),
    ]);
    const counts = (await lastRun(database, account.key, kind)) ?? run;
    return {
      resumed,
      counts,
      refused: this.#refused,
      stations,
      payments: paid,
      alarms,
      intervals: quarters,
      problems: this.#problems,
    };
  }

  /** Returns the run to resume or a new one, and the start of its walk. */
  async #begin(): Promise<{ run: Run; walkFrom: string; resumed: string | undefined }> {
    const { account, database, kind, restart } = this.#options;
    const from = wireTime(this.#options.from);
    const to = this.#options.to ? wireTime(this.#options.to) : null;
    const last = await lastRun(database, account.key, kind);
    const continuous = kind === "continuous";
    // The interrupted run covers the start of the range. Continuous runs overlap with the previous one instead.
    const resumes =
      !continuous &&
      last &&
      !restart &&
      last.ended_at === null &&
      last.range_from <= from &&
      from <= last.sessions_to;
    const run: Run = {
      ...{ seen: 0, added: 0, updated: 0, unchanged: 0, refused: 0 },
      // A round that reads nothing must not reset the progress of previous rounds.
      sessions_to: continuous && last && last.sessions_to > from ? last.sessions_to : from,
      ...{ payments_to: this.#paymentsFrom(from, last), began_at: this.#at },
      ...(resumes && last),
      first_at: last?.first_at ?? this.#at,
      rechecked_at: last?.rechecked_at ?? null,
      account: account.key,
      kind,
      range_from: resumes ? last.range_from : from,
      range_to: to,
      ended_at: null,
    };
    await storeRun(database, run);
    return resumes
      ? { run, walkFrom: last.sessions_to, resumed: last.began_at }
      : { run, walkFrom: from, resumed: undefined };
  }

  /** Returns the start of payments. A continuous run also reads those that the previous one did not reach. */
  #paymentsFrom(from: string, last: Run | undefined): string {
    return this.#options.kind === "continuous" && last && last.payments_to < from ? last.payments_to : from;
  }

  /** Reads active sessions, then ended ones, then those that were active before and are no longer. */
  async #sessions(
    run: Run,
    range: { readonly from: string; readonly to: string; readonly known: boolean },
    progress: (count: number, reached?: string) => void,
  ): Promise<void> {
    const { from, to } = range;
    const { account, signal } = this.#options;
    const { client } = account;
    let count = 0;
    const underWay = new Set<string>();
    // Active ones first: a session that ends between the two reads is then in both.
    const active: ChargingSession[] = [];
    const query = { activeSessionsOnly: true };
    for await (const session of pages(client, operations.getChargingSessionData, query, { signal })) {
      underWay.add(session.sessionID ?? "");
      // The store rejects and reports sessions without a start.
      const start = toWireTime(session.startTime);
      if (start === null || start < to || run.range_to === null) active.push(session);
    }
    const before = await this.#underWayBefore();
    for (let at = 0; at < active.length; at += 500)
      await this.#storeSessions(run, active.slice(at, at + 500));
    count += active.length;
    progress(count);

    const known = range.known ? await this.#startingAt(from) : [];
    let storing: Promise<unknown> = Promise.resolve();
    const walk = walkSessions(client, { from, to, known, signal, clock: this.#clock });
    for await (const { sessions, reached } of walk) {
      // The previous page is stored while this one is fetched.
      await storing;
      storing = this.#storeSessions(run, sessions, reached);
      storing.catch(() => undefined);
      count += sessions.length;
      for (const { sessionID } of sessions) before.delete(sessionID ?? "");
      progress(count, reached ?? undefined);
    }
    await storing;
    await this.#options.database.write([this.#reached(run, { sessions_to: to })]);

    const gone = [...before].filter((id) => !underWay.has(id)).slice(0, MAX_LOOKUPS);
    for (const sessionID of gone) {
      const found = await this.#lookUp(sessionID);
      await this.#storeSessions(run, found);
      count += found.length;
      progress(count, to);
    }
  }

  #reached(run: Run, moved: Parameters<typeof advanceRun>[2]): Statement {
    return advanceRun(this.#options.database.dialect, run, moved);
  }

  async #storeSessions(
    run: Run,
    sessions: readonly ChargingSession[],
    reached: string | null = null,
  ): Promise<void> {
    if (sessions.length === 0) return;
    const { account, announceSince } = this.#options;
    const from = { account: account.key, at: this.#at, announceSince };
    const { refused } = await this.#store.sessions(sessions, from, (count) => [
      countPage(run, sessions.length, count),
      ...(reached === null ? [] : [this.#reached(run, { sessions_to: reached })]),
    ]);
    this.#refuse(refused);
  }

  /** Reads one session; returns none when the service no longer knows it. */
  async #lookUp(sessionID: string): Promise<readonly ChargingSession[]> {
    const { account, signal } = this.#options;
    try {
      const answer = await account.client.call(
        operations.getChargingSessionData,
        { searchQuery: { sessionID } },
        { signal },
      );
      return answer.ChargingSessionData.filter((session) => session.sessionID === sessionID);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#refuse(
        new Map([
          [`lookup of a session that was active before: ${error.guideText ?? `code ${error.code}`}`, 1],
        ]),
      );
      return [];
    }
  }

  async #underWayBefore(): Promise<Set<string>> {
    const { dialect } = this.#options.database;
    const rows = await this.#reader.query(
      `SELECT ${dialect.shown("session_id", "long")} FROM session WHERE ended_at IS NULL AND account = ?
       ORDER BY started_at, session_id`,
      [this.#options.account.key],
    );
    return new Set(rows.map(([id]) => String(id)));
  }

  async #startingAt(time: string): Promise<string[]> {
    const { dialect } = this.#options.database;
    const rows = await this.#reader.query(
      `SELECT ${dialect.shown("session_id", "long")} FROM session WHERE started_at = ? AND ended_at IS NOT NULL`,
      [time],
    );
    return rows.map(([id]) => String(id));
  }

  /** Reads a part whose rejection does not end the run, because it concerns the account's plan or this operation only. */
  async #part(operation: string, read: () => Promise<number>): Promise<number> {
    try {
      return await read();
    } catch (error) {
      const refused =
        error instanceof ApiError || error instanceof ProtocolError || error instanceof SoapFaultError;
      if (!refused) throw error;
      this.#problems.push(`${operation} was not read: ${error.message}`);
      return 0;
    }
  }

  #refuse(reasons: ReadonlyMap<string, number>): void {
    for (const [reason, count] of reasons)
      this.#refused.set(reason, (this.#refused.get(reason) ?? 0) + count);
  }
}

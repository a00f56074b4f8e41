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
import { countPage, endRun, keepRun, lastRun, moveRun, type Run } from "./run.ts";
import { SessionStore } from "./store.ts";
import { walkSessions } from "./walk.ts";

/** Sessions that are not under way any more and are older than the walk: so many are asked for one by one in a run. */
const MOST_LOOKUPS = 500;

/**
 * Reads sessions and what belongs to them into the tables. What was stored stays, with how far reading has come: a run that
 * was interrupted goes on there when it is asked for again.
 *
 * @throws TransportError, CredentialsError and the like where the service does not answer; SessionDatabaseError; the
 * signal's reason
 */
export async function syncSessions(options: SyncOptions): Promise<SyncReport> {
  return await new Sync(options).run();
}

class Sync {
  readonly #options: SyncOptions;
  readonly #store: SessionStore;
  readonly #reader: SessionReader;
  readonly #clock: Clock;
  /** When it began, as the tables have it. */
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
    const { account, database, kind, payments, intervals, nameplates, announceSince } = this.#options;
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
    await this.#store.countEnergy(this.#at, announceSince !== null);
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

  /** The run to go on with, or a new one, and from where its sessions are read. */
  async #begin(): Promise<{ run: Run; walkFrom: string; resumed: string | undefined }> {
    const { account, database, kind, restart } = this.#options;
    const from = wireTime(this.#options.from);
    const to = this.#options.to ? wireTime(this.#options.to) : null;
    const last = await lastRun(database, account.key, kind);
    const continuous = kind === "continuous";
    // What it has stored is the beginning of what is wanted now. Continuous runs look behind the one before instead.
    const goesOn =
      !continuous &&
      last &&
      !restart &&
      last.ended_at === null &&
      last.range_from <= from &&
      from <= last.sessions_to;
    const run: Run = {
      ...{ seen: 0, added: 0, updated: 0, unchanged: 0, refused: 0 },
      // A round that reads nothing must not take back how far those before have come.
      sessions_to: continuous && last && last.sessions_to > from ? last.sessions_to : from,
      ...{ payments_to: this.#paymentsFrom(from, last), began_at: this.#at },
      ...(goesOn && last),
      first_at: last?.first_at ?? this.#at,
      rechecked_at: last?.rechecked_at ?? null,
      account: account.key,
      kind,
      range_from: goesOn ? last.range_from : from,
      range_to: to,
      ended_at: null,
    };
    await keepRun(database, run);
    return goesOn
      ? { run, walkFrom: last.sessions_to, resumed: last.began_at }
      : { run, walkFrom: from, resumed: undefined };
  }

  /** Continuous runs join: payments that the one before did not come to are read now. */
  #paymentsFrom(from: string, last: Run | undefined): string {
    return this.#options.kind === "continuous" && last && last.payments_to < from ? last.payments_to : from;
  }

  /** Sessions under way, then those that are over, then what became of those that were under way and are not now. */
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
    // First: one that ends between the two reads is in both.
    const active: ChargingSession[] = [];
    const query = { activeSessionsOnly: true };
    for await (const session of pages(client, operations.getChargingSessionData, query, { signal })) {
      underWay.add(session.sessionID ?? "");
      // What has no start is refused by the store, and said.
      const start = toWireTime(session.startTime);
      if (start === null || start < to || run.range_to === null) active.push(session);
    }
    const before = await this.#underWayBefore();
    for (let at = 0; at < active.length; at += 500) await this.#take(run, active.slice(at, at + 500));
    count += active.length;
    progress(count);

    const known = range.known ? await this.#startingAt(from) : [];
    let storing: Promise<unknown> = Promise.resolve();
    const walk = walkSessions(client, { from, to, known, signal, clock: this.#clock });
    for await (const { sessions, reached } of walk) {
      // The page before is stored while this one was fetched.
      await storing;
      storing = this.#take(run, sessions, reached);
      storing.catch(() => undefined);
      count += sessions.length;
      for (const { sessionID } of sessions) before.delete(sessionID ?? "");
      progress(count, reached ?? undefined);
    }
    await storing;
    await this.#options.database.write([this.#reached(run, { sessions_to: to })]);

    const gone = [...before].filter((id) => !underWay.has(id)).slice(0, MOST_LOOKUPS);
    for (const sessionID of gone) {
      const found = await this.#lookUp(sessionID);
      await this.#take(run, found);
      count += found.length;
      progress(count, to);
    }
  }

  #reached(run: Run, moved: Parameters<typeof moveRun>[2]): Statement {
    return moveRun(this.#options.database.dialect, run, moved);
  }

  async #take(run: Run, sessions: readonly ChargingSession[], reached: string | null = null): Promise<void> {
    if (sessions.length === 0) return;
    const { account, announceSince } = this.#options;
    const from = { account: account.key, at: this.#at, announceSince };
    const { refused } = await this.#store.sessions(sessions, from, (count) => [
      countPage(run, sessions.length, count),
      ...(reached === null ? [] : [this.#reached(run, { sessions_to: reached })]),
    ]);
    this.#refuse(refused);
  }

  /** The session by itself, as it is now; none where the service does not know it any more. */
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
        new Map([[`session under way before, now: ${error.guideText ?? `code ${error.code}`}`, 1]]),
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

  /** A part whose refusal does not end the run: a matter of the account's plan, or of this operation alone. */
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

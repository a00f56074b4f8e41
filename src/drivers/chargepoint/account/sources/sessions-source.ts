import type { Clock } from "../../../../time/clock.ts";
import type { ChargePointClient } from "../../api/client.ts";
import { getChargingSessionData } from "../../api/operations/get-charging-session-data.ts";
import type { QueryOf } from "../../api/paging.ts";
import type { SessionsAnswer } from "../answers.ts";
import { newestBy } from "../newest.ts";
import type { Batch, Source } from "../reads/gathered-reads.ts";
import { own } from "../reads/station-missing.ts";
import { AccountWalk, collect, concernsAll, walk } from "../reads/walk.ts";

type Session = SessionsAnswer[number];

/** Number of stations whose sessions the first walk reads back for a week; for more, the period is shorter in proportion. */
const WEEK_OF_STATIONS = 50;
const LEAST_LOOK_BACK_HOURS = 1;
/**
 * The source updates session data every five minutes (guide §6.1), so a walk overlaps the previous one by this many
 * seconds.
 */
const OVERLAP_SECONDS = 600;
/** Maximum number of stations in one call for ended sessions. */
const STATIONS_PER_CALL = 100;

export interface SessionsSourceOptions {
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/**
 * Reads getChargingSessionData for the whole account: active sessions, sessions that ended since the last walk, and the
 * final data of those that were active then and are not now.
 */
export class SessionsSource implements Source<SessionsAnswer> {
  readonly #client: Pick<ChargePointClient, "call">;
  readonly #options: SessionsSourceOptions;
  readonly #walk: AccountWalk<SessionsAnswer>;
  readonly #windows = new Map<string, SessionWindow>();
  #walkedAt: Date | undefined;

  constructor(client: Pick<ChargePointClient, "call">, options: SessionsSourceOptions) {
    this.#client = client;
    this.#options = options;
    this.#walk = new AccountWalk(options.clock, (id) => this.fetchAlone(id));
  }

  /** Takes two calls: the service returns ended sessions, or with activeSessionsOnly active ones, never both (§6.1.2). */
  async fetchAlone(stationID: string): Promise<SessionsAnswer> {
    const window = this.#window(stationID);
    const read = (query: QueryOf<typeof getChargingSessionData>) =>
      collect(this.#client, getChargingSessionData, { stationID, ...query }, this.#options.signal);
    const [ended, active] = await Promise.all([
      read({ fromTimeStamp: window.from(new Date(this.#options.clock.now())) }),
      read({ activeSessionsOnly: true }),
    ]);
    return window.merge(own(getChargingSessionData.name, stationID, [...ended, ...active]));
  }

  async fetch(batch: Batch<SessionsAnswer>): Promise<void> {
    await this.#walk.read(batch, (maxPages) => this.#account(batch, maxPages));
  }

  async #account(batch: Batch<SessionsAnswer>, maxPages: number): Promise<number | undefined> {
    const at = new Date(this.#options.clock.now());
    const stations = batch.missing();
    // The period of a station added since the last walk is read separately.
    const known = stations.filter((id) => this.#walkedAt === undefined || this.#windows.has(id));
    const back = this.#walkedAt ?? new Date(at.getTime() - lookBackSeconds(stations.length) * 1000);
    const from = new Date(back.getTime() - (this.#walkedAt ? OVERLAP_SECONDS * 1000 : 0));
    const active: Session[] = [];
    const ended: Session[] = [];
    const [first, second] = await Promise.all([
      this.#collect({ activeSessionsOnly: true }, maxPages, active),
      this.#collect({ fromTimeStamp: from.toISOString().replace(/\.\d+Z$/, "Z") }, maxPages, ended),
    ]);
    if (first === undefined || second === undefined) return undefined;
    this.#walkedAt = at;
    for (const id of known) this.#window(id);
    const gone = this.#gone([...active, ...ended]);
    for (const session of [...active, ...ended, ...(await this.#final(gone))]) {
      if (session.stationID !== null) this.#windows.get(session.stationID)?.merge([session]);
    }
    for (const id of known) batch.answer(id, this.#window(id).newest());
    return first + second;
  }

  #collect(query: QueryOf<typeof getChargingSessionData>, maxPages: number, into: Session[]) {
    const options = { signal: this.#options.signal, maxPages };
    return walk(this.#client, getChargingSessionData, query, options, (session): boolean => {
      into.push(session);
      return true;
    });
  }

  /** Returns sessions that were active and are no longer in the answers. */
  #gone(seen: readonly Session[]): Session[] {
    const ids = new Set(seen.map(({ sessionID }) => sessionID));
    return [...this.#windows.values()].flatMap((window) =>
      window.open().filter(({ sessionID }) => !ids.has(sessionID)),
    );
  }

  /** Reads their final data. Sessions that cannot be read now are requested again in the next walk. */
  async #final(gone: readonly Session[]): Promise<Session[]> {
    const byStart = gone.toSorted((a, b) => ((a.startTime ?? "") < (b.startTime ?? "") ? -1 : 1));
    const found: Session[] = [];
    for (let at = 0; at < byStart.length; at += STATIONS_PER_CALL) {
      const part = byStart.slice(at, at + STATIONS_PER_CALL);
      const stationIDs = [...new Set(part.flatMap(({ stationID }) => stationID ?? []))];
      const stations =
        stationIDs.length === 1 ? { stationID: stationIDs[0]! } : { stationIDs: { stationID: stationIDs } };
      const query = { ...stations, ...(part[0]?.startTime ? { fromTimeStamp: part[0].startTime } : {}) };
      try {
        found.push(...(await collect(this.#client, getChargingSessionData, query, this.#options.signal)));
      } catch (error) {
        if (concernsAll(error)) throw error;
        const alone = await Promise.allSettled(stationIDs.map((id) => this.fetchAlone(id)));
        found.push(...alone.flatMap((one) => (one.status === "fulfilled" ? one.value : [])));
      }
    }
    return found;
  }

  #window(stationID: string): SessionWindow {
    const window = this.#windows.get(stationID) ?? new SessionWindow();
    this.#windows.set(stationID, window);
    return window;
  }
}

function lookBackSeconds(stations: number): number {
  const hours = Math.min(7 * 24, (7 * 24 * WEEK_OF_STATIONS) / stations);
  return Math.max(LEAST_LOOK_BACK_HOURS, hours) * 3600;
}

/** Period in which the first read looks for a station's newest session, in days. */
const LOOK_BACK_DAYS = 7;

/**
 * Keeps a station's newest session per port, so that each read asks only from the earliest start of a session that can
 * still change: an active one, or the newest.
 */
export class SessionWindow {
  readonly #newest = new Map<string | null, Session>();

  /** Returns `fromTimeStamp` of the next read. It is inclusive, so the newest session is read again and may have ended. */
  from(now: Date): string {
    const earliest = new Date(now.getTime() - LOOK_BACK_DAYS * 86_400_000).toISOString();
    const sessions = this.newest();
    const open = this.open().flatMap((session) => session.startTime ?? []);
    const latest = newestBy(sessions, (session) => session.startTime)?.startTime;
    const from = [...open, ...(latest ? [latest] : [])].sort()[0] ?? earliest;
    return (from > earliest ? from : earliest).replace(/\.\d+Z$/, "Z");
  }

  /** Merges the sessions read and returns the newest session of every port. */
  merge(sessions: SessionsAnswer): SessionsAnswer {
    for (const session of sessions) {
      const known = this.#newest.get(session.portNumber);
      const older = known && known.sessionID !== session.sessionID;
      const newest = older ? newestBy([session, known], (candidate) => candidate.startTime) : session;
      if (newest) this.#newest.set(session.portNumber, newest);
    }
    return this.newest();
  }

  /** Returns the newest session of every port. */
  newest(): SessionsAnswer {
    return [...this.#newest.values()];
  }

  /** Returns those of them that are active. */
  open(): SessionsAnswer {
    return this.newest().filter(({ endTime }) => endTime === null);
  }
}

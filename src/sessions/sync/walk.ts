import {
  type ChargePointClient,
  type ChargingSession,
  operations,
  ProtocolError,
  type ResponseOf,
} from "../../drivers/chargepoint/api/index.ts";
import { type Clock, pause, systemClock } from "../../time/clock.ts";
import { toWireTime } from "../database/times.ts";

export type Client = Pick<ChargePointClient, "call">;

export interface WalkOptions {
  /** Sessions that start at or after this, `2026-11-21T08:00:00Z`. */
  readonly from: string;
  /** Sessions that start before this. */
  readonly to: string;
  /** Ids of known sessions that may be returned again at `from`. */
  readonly known?: Iterable<string>;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
}

export interface SessionPage {
  /** New sessions; a session that is repeated nearby is returned once. */
  readonly sessions: readonly ChargingSession[];
  /** Time before which all sessions were returned; null when the service's order is wrong. */
  readonly reached: string | null;
}

/** The guide's page size (§6.1). After a full page the walk continues even if the service reports no more. */
const FULL_PAGE = 100;
/** Number of pages read by number before the walk restarts at the last start, because the service counts through previous pages. */
const PAGES_BY_NUMBER = 50;
/** Maximum number of pages without a later start. */
const MAX_IN_PLACE = 1000;
/** Maximum number of consecutive pages without new sessions. */
const MAX_STALE = 10;
/** Number of retries after an unreadable response, which may have been truncated. */
const RETRIES = 2;
const PAUSE_MS = 1000;

type Answer = ResponseOf<typeof operations.getChargingSessionData>;

/**
 * Reads ended sessions page by page, oldest first. Sets only the start of the window: the service compares `toTimeStamp` with the *end*
 * of a session (guide §6.1.2), so adjacent windows miss every session across their border. It does not trust the pages: after a page
 * that repeats the previous one, is empty, or is full and reported as the last, it continues from the start of the last session.
 *
 * @throws ProtocolError (`paging`) when the pages do not end, and what {@link ChargePointClient.call} throws
 */
export async function* walkSessions(
  client: Client,
  options: WalkOptions,
): AsyncGenerator<SessionPage, void, undefined> {
  const { to, signal } = options;
  let { from } = options;
  /** Start times of the sessions since `from`, by id. */
  let seen = new Map<string, string>([...(options.known ?? [])].map((id) => [id, from]));
  let last = from;
  let startRecord = 1;
  let pagesHere = 0;
  let stale = 0;
  let ordered = true;
  let before = "";
  for (;;) {
    const { ChargingSessionData: records, MoreFlag } = await pageOf(client, { from, startRecord }, options);
    signal.throwIfAborted();
    const more = Number(MoreFlag ?? 0) > 0;
    const ids = records.map(({ sessionID }) => sessionID).join();
    const repeated = records.length > 0 && ids === before;
    before = ids;
    pagesHere++;

    const fresh: ChargingSession[] = [];
    for (const record of records) {
      const id = record.sessionID ?? "";
      const start = toWireTime(record.startTime);
      if (id !== "" && seen.has(id)) continue;
      if (start !== null && start < last) ordered = false;
      if (start !== null && start > last) last = start;
      seen.set(id, start ?? last);
      // The store rejects and reports sessions without a start.
      if (start === null || start < to) fresh.push(record);
    }
    stale = fresh.length > 0 ? 0 : stale + 1;
    const reached = ordered ? last : null;
    if (fresh.length > 0) yield { sessions: fresh, reached: reached !== null && reached > to ? to : reached };

    const beyond = ordered && last >= to;
    const looksComplete = !more && (records.length < FULL_PAGE || stale > 0);
    if (beyond || looksComplete) return;
    if (stale > MAX_STALE) throw endless(`the last ${stale} pages contain nothing new and report more`);
    if (
      more &&
      records.length > 0 &&
      !repeated &&
      (pagesHere < PAGES_BY_NUMBER || !ordered || last === from)
    ) {
      if (pagesHere >= MAX_IN_PLACE) throw endless(`more than ${MAX_IN_PLACE} pages`);
      startRecord += records.length;
      continue;
    }
    if (!ordered || last === from) {
      if (!more) return;
      throw endless(
        records.length === 0 ? "a page is empty and reports more" : "a page repeats the previous one",
      );
    }
    // The walk restarts at the last start; sessions of the same second may be returned twice.
    from = last;
    seen = new Map([...seen].filter(([, start]) => start === last));
    startRecord = 1;
    pagesHere = 0;
    before = "";
  }
}

/** Reads one page; retries an unreadable response. */
async function pageOf(
  client: Client,
  { from, startRecord }: { readonly from: string; readonly startRecord: number },
  { signal, clock = systemClock }: WalkOptions,
): Promise<Answer> {
  const searchQuery = { fromTimeStamp: from, startRecord: String(startRecord) };
  for (let attempt = 1; ; attempt++) {
    try {
      return await client.call(operations.getChargingSessionData, { searchQuery }, { signal });
    } catch (error) {
      if (!(error instanceof ProtocolError) || attempt > RETRIES) throw error;
      await pause(clock, PAUSE_MS * attempt, signal);
    }
  }
}

function endless(what: string): ProtocolError {
  return new ProtocolError(operations.getChargingSessionData.name, "paging", `${what}; the walk ends`);
}

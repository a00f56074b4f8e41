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
  /** And before this. */
  readonly to: string;
  /** Sessions that are known already and may come again at `from`. */
  readonly known?: Iterable<string>;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
}

export interface SessionPage {
  /** Each session once in a walk, as far as it comes more than once near the same place. */
  readonly sessions: readonly ChargingSession[];
  /** Every session that starts before this has come; null where the service's order does not tell. */
  readonly reached: string | null;
}

/** The guide's page (§6.1); one that is full and promises no more is looked behind. */
const FULL_PAGE = 100;
/** Pages walked by number before the walk begins anew at the last start: a service counts through all pages before. */
const PAGES_BY_NUMBER = 50;
/** Pages without a later start before it counts as never ending. */
const MOST_IN_PLACE = 1000;
/** Pages in a row that hold nothing new. */
const MOST_STALE = 10;
/** Further tries of an answer that cannot be read: it may have been cut off on its way. */
const RETRIES = 2;
const PAUSE_MS = 1000;

type Answer = ResponseOf<typeof operations.getChargingSessionData>;

/**
 * Sessions that are over, oldest first, page by page. The end of the window is ours to see to: the service counts
 * `toTimeStamp` against the *end* of a session (guide §6.1.2), so windows side by side lose every session that lies across
 * their border. It does not trust the pages: one that repeats the one before, is empty, or is full and says it was the
 * last, is asked for again from the start of the last session on.
 *
 * @throws ProtocolError (`paging`) where the pages do not come to an end, and what {@link ChargePointClient.call} throws
 */
export async function* walkSessions(
  client: Client,
  options: WalkOptions,
): AsyncGenerator<SessionPage, void, undefined> {
  const { to, signal } = options;
  let { from } = options;
  /** Identifiers of the sessions since `from`, and when they start. */
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
      // What has no start is refused by whoever stores it, and said.
      if (start === null || start < to) fresh.push(record);
    }
    stale = fresh.length > 0 ? 0 : stale + 1;
    const reached = ordered ? last : null;
    if (fresh.length > 0) yield { sessions: fresh, reached: reached !== null && reached > to ? to : reached };

    const beyond = ordered && last >= to;
    const looksWhole = !more && (records.length < FULL_PAGE || stale > 0);
    if (beyond || looksWhole) return;
    if (stale > MOST_STALE) throw endless(`the last ${stale} pages hold nothing new and promise more`);
    if (
      more &&
      records.length > 0 &&
      !repeated &&
      (pagesHere < PAGES_BY_NUMBER || !ordered || last === from)
    ) {
      if (pagesHere >= MOST_IN_PLACE) throw endless(`more than ${MOST_IN_PLACE} pages`);
      startRecord += records.length;
      continue;
    }
    if (!ordered || last === from) {
      if (!more) return;
      throw endless(
        records.length === 0 ? "a page is empty and promises more" : "a page repeats the one before",
      );
    }
    // The walk begins anew where it has come to; what starts in the same second may come twice.
    from = last;
    seen = new Map([...seen].filter(([, start]) => start === last));
    startRecord = 1;
    pagesHere = 0;
    before = "";
  }
}

/** One page; an answer that cannot be read is asked for again. */
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

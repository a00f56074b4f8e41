import type { ChargePointClient } from "../../api/client.ts";
import { ApiError, ProtocolError } from "../../api/errors.ts";
import { getPublicStationStatus } from "../../api/operations/get-public-station-status.ts";
import { getStationStatus } from "../../api/operations/get-station-status.ts";
import type { PublicStatusAnswer, StatusAnswer } from "../answers.ts";
import { dispatchAnswers } from "../reads/dispatch-answers.ts";
import type { Batch, Source } from "../reads/gathered-reads.ts";
import { STATUS_PAGE } from "../reads/page-sizes.ts";
import { pick, StationMissingError } from "../reads/station-missing.ts";

type Client = Pick<ChargePointClient, "call">;
/** The requested stations; both operations use the same elements. */
interface StatusQuery {
  readonly stationID?: string;
  readonly stationIDs?: { readonly stationID: string[] };
  readonly portDetails?: boolean;
}

interface Identified {
  readonly stationID: string | null;
}

/** An operation that returns the status of a list of stations. */
interface StatusOperation<A> {
  readonly name: string;
  ask(
    client: Client,
    searchQuery: StatusQuery,
    signal: AbortSignal,
  ): Promise<{ records: A[]; hasMore: boolean }>;
}

/** For stations that the account may manage (guide §7.2). */
export const OWN_STATUS: StatusOperation<StatusAnswer> = {
  name: getStationStatus.name,
  async ask(client, searchQuery, signal) {
    const { stationData, moreFlag } = await client.call(getStationStatus, { searchQuery }, { signal });
    return { records: stationData, hasMore: (moreFlag ?? 0) > 0 };
  },
};

/** For public stations, regardless of their owner (published schema). */
export const PUBLIC_STATUS: StatusOperation<PublicStatusAnswer> = {
  name: getPublicStationStatus.name,
  async ask(client, searchQuery, signal) {
    const answer = await client.call(getPublicStationStatus, { searchQuery }, { signal });
    return { records: answer.stationStatusData, hasMore: false };
  },
};

/** Reads the status by lists of stations. A station that once made a list fail is read alone from then on. */
export class StatusSource<A extends Identified = StatusAnswer> implements Source<A> {
  readonly spent = {};
  readonly #client: Client;
  readonly #signal: AbortSignal;
  readonly #operation: StatusOperation<A>;
  readonly #spoilers = new Set<string>();
  /** Whether to request Connector and Power too (§7.2.2). */
  portDetails = false;

  constructor(client: Client, signal: AbortSignal, operation: StatusOperation<A>) {
    this.#client = client;
    this.#signal = signal;
    this.#operation = operation;
  }

  async fetchAlone(stationID: string): Promise<A> {
    return pick(this.#operation.name, stationID, (await this.#ask({ stationID })).records);
  }

  async fetch(batch: Batch<A>): Promise<void> {
    const inPages = (ids: readonly string[]) => ids.filter((id) => !this.#spoilers.has(id));
    const wanted = inPages(batch.wanted);
    const room = wanted.length === 0 ? 0 : (STATUS_PAGE - (wanted.length % STATUS_PAGE)) % STATUS_PAGE;
    const more = batch.fill(room);
    const listed = [...wanted, ...inPages(more)];
    const single = [...batch.wanted, ...more].filter((id) => this.#spoilers.has(id));
    const pages = Array.from({ length: Math.ceil(listed.length / STATUS_PAGE) }, (_, page) =>
      listed.slice(page * STATUS_PAGE, (page + 1) * STATUS_PAGE),
    );
    await Promise.all([
      ...pages.map((page) => this.#page(page, batch)),
      ...single.map((id) => this.#single(id, batch)),
    ]);
  }

  async #page(stationIDs: readonly string[], batch: Batch<A>): Promise<void> {
    const read = (ids: readonly string[]) => this.#list(ids, batch);
    await readSplitting(stationIDs, read, (ids, error) => {
      if (ids.length === 1 && stationIDs.length > 1) this.#spoilers.add(ids[0]!);
      for (const id of ids) batch.fail(id, error);
    });
  }

  async #list(stationIDs: readonly string[], batch: Batch<A>): Promise<void> {
    let left = new Set(stationIDs);
    while (left.size > 0) {
      const query = left.size === 1 ? { stationID: [...left][0]! } : { stationIDs: { stationID: [...left] } };
      const { records, hasMore } = await this.#ask(query);
      const missing = new Set(left);
      await dispatchAnswers(records, (record) => {
        if (record.stationID !== null && missing.delete(record.stationID))
          batch.answer(record.stationID, record);
      });
      // A service with smaller pages leaves some stations for the next call; an answer without new stations ends the read.
      if (!hasMore || missing.size === left.size) {
        const others = left.size === 1 ? records.map(({ stationID }) => stationID) : [];
        for (const id of missing) batch.fail(id, new StationMissingError(this.#operation.name, id, others));
        return;
      }
      left = missing;
    }
  }

  async #single(stationID: string, batch: Batch<A>): Promise<void> {
    try {
      batch.answer(stationID, await this.fetchAlone(stationID));
      this.#spoilers.delete(stationID);
    } catch (error) {
      batch.fail(stationID, error);
    }
  }

  #ask(query: StatusQuery) {
    const searchQuery = { ...query, ...(this.portDetails && { portDetails: true }) };
    return this.#operation.ask(this.#client, searchQuery, this.#signal);
  }
}

/** Maximum number of calls that one failing page may cost. */
const MOST_CALLS = 64;

/** Returns whether a smaller page may be answered where this one failed: one record can make a whole page unreadable. */
function mayBeOneStation(error: unknown): boolean {
  if (error instanceof ProtocolError) return true;
  return error instanceof ApiError && (error.kind === "invalid" || error.code === "131");
}

/**
 * Reads a page of stations. A page that is refused or unreadable is read in halves until the stations that cause it are
 * isolated; `fail` is called for each of these, or for all that remain when it takes too many calls.
 */
async function readSplitting(
  stationIDs: readonly string[],
  read: (stationIDs: readonly string[]) => Promise<void>,
  fail: (stationIDs: readonly string[], error: unknown) => void,
): Promise<void> {
  const pages: (readonly string[])[] = [stationIDs];
  for (let calls = 0; pages.length > 0; calls++) {
    const page = pages.shift()!;
    try {
      await read(page);
    } catch (error) {
      if (page.length === 1 || calls >= MOST_CALLS || !mayBeOneStation(error)) fail(page, error);
      else pages.push(page.slice(0, page.length / 2), page.slice(page.length / 2));
    }
  }
}

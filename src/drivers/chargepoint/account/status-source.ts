import type { ChargePointClient } from "../api/client.ts";
import { getStationStatus } from "../api/operations/get-station-status.ts";
import type { StatusAnswer } from "./answers.ts";
import type { Batch, Source } from "./gathered-reads.ts";
import { STATUS_PAGE } from "./page-sizes.ts";
import { readSplitting } from "./page-split.ts";
import { pick, StationMissingError } from "./station-missing.ts";

/** getStationStatus by lists of stations. One that once spoilt a list is asked for alone from then on. */
export class StatusSource implements Source<StatusAnswer> {
  readonly spent = {};
  readonly #client: Pick<ChargePointClient, "call">;
  readonly #signal: AbortSignal;
  readonly #spoilers = new Set<string>();
  /** Ask for Connector and Power too (§7.2.2). */
  portDetails = false;

  constructor(client: Pick<ChargePointClient, "call">, signal: AbortSignal) {
    this.#client = client;
    this.#signal = signal;
  }

  async fetchAlone(stationID: string): Promise<StatusAnswer> {
    return pick(getStationStatus.name, stationID, await this.#ask({ stationID }));
  }

  async fetch(batch: Batch<StatusAnswer>): Promise<void> {
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

  async #page(stationIDs: readonly string[], batch: Batch<StatusAnswer>): Promise<void> {
    const read = (ids: readonly string[]) => this.#list(ids, batch);
    await readSplitting(stationIDs, read, (ids, error) => {
      if (ids.length === 1 && stationIDs.length > 1) this.#spoilers.add(ids[0]!);
      for (const id of ids) batch.fail(id, error);
    });
  }

  async #list(stationIDs: readonly string[], batch: Batch<StatusAnswer>): Promise<void> {
    let left = new Set(stationIDs);
    while (left.size > 0) {
      const query = left.size === 1 ? { stationID: [...left][0]! } : { stationIDs: { stationID: [...left] } };
      const records = await this.#ask(query);
      const missing = new Set(left);
      for (const record of records) {
        if (record.stationID !== null && missing.delete(record.stationID))
          batch.answer(record.stationID, record);
      }
      // A service with smaller pages leaves some for the next call; one that brings nothing new has no more.
      if (!records.hasMore || missing.size === left.size) {
        const others = left.size === 1 ? records.map(({ stationID }) => stationID) : [];
        for (const id of missing) batch.fail(id, new StationMissingError(getStationStatus.name, id, others));
        return;
      }
      left = missing;
    }
  }

  async #single(stationID: string, batch: Batch<StatusAnswer>): Promise<void> {
    try {
      batch.answer(stationID, await this.fetchAlone(stationID));
      this.#spoilers.delete(stationID);
    } catch (error) {
      batch.fail(stationID, error);
    }
  }

  async #ask(query: { stationID: string } | { stationIDs: { stationID: string[] } }) {
    const details = this.portDetails ? { portDetails: true } : {};
    const searchQuery = { ...query, ...details };
    const answer = await this.#client.call(getStationStatus, { searchQuery }, { signal: this.#signal });
    return Object.assign(answer.stationData, { hasMore: (answer.moreFlag ?? 0) > 0 });
  }
}

import type { Clock } from "../../../../time/clock.ts";
import type { ChargePointClient } from "../../api/client.ts";
import { getStations } from "../../api/operations/get-stations.ts";
import type { StationAnswer } from "../answers.ts";
import type { Batch, Source } from "../reads/gathered-reads.ts";
import { pick, StationMissingError } from "../reads/station-missing.ts";
import { AccountWalk, walk } from "../reads/walk.ts";

/** Reads getStations by pages of the whole account, filtered here. */
export class StationsSource implements Source<StationAnswer> {
  readonly #client: Pick<ChargePointClient, "call">;
  readonly #signal: AbortSignal;
  readonly #walk: AccountWalk<StationAnswer>;

  constructor(client: Pick<ChargePointClient, "call">, signal: AbortSignal, clock: Clock) {
    this.#client = client;
    this.#signal = signal;
    this.#walk = new AccountWalk(clock, (id) => this.fetchAlone(id));
  }

  async fetchAlone(stationID: string): Promise<StationAnswer> {
    const { stationData } = await this.#client.call(
      getStations,
      { searchQuery: { stationID } },
      { signal: this.#signal },
    );
    return pick(getStations.name, stationID, stationData);
  }

  fetch(batch: Batch<StationAnswer>): Promise<void> {
    return this.#walk.read(batch, async (maxPages) => {
      const left = new Set(batch.missing());
      const options = { signal: this.#signal, maxPages };
      const pages = await walk(this.#client, getStations, {}, options, (record): boolean => {
        const { stationID } = record;
        if (stationID !== null && left.delete(stationID)) batch.answer(stationID, record);
        return left.size > 0;
      });
      if (pages !== undefined)
        for (const id of left) batch.fail(id, new StationMissingError(getStations.name, id));
      return pages;
    });
  }
}

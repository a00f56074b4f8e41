import type { ChargePointClient } from "../../api/client.ts";
import { getPublicStations } from "../../api/operations/get-public-stations.ts";
import type { PublicStationAnswer } from "../answers.ts";
import type { Batch, Source } from "../reads/gathered-reads.ts";
import { pick } from "../reads/station-missing.ts";
import { concernsAll } from "../reads/walk.ts";

/** Maximum number of concurrent calls, so that a large set leaves capacity for others. */
const AT_A_TIME = 4;

/** Reads getPublicStations, which takes one stationID and has no pages: one call for each station. */
export class PublicStationsSource implements Source<PublicStationAnswer> {
  readonly #client: Pick<ChargePointClient, "call">;
  readonly #signal: AbortSignal;

  constructor(client: Pick<ChargePointClient, "call">, signal: AbortSignal) {
    this.#client = client;
    this.#signal = signal;
  }

  async fetchAlone(stationID: string): Promise<PublicStationAnswer> {
    const request = { searchQuery: { stationID } };
    const { stationData } = await this.#client.call(getPublicStations, request, { signal: this.#signal });
    return pick(getPublicStations.name, stationID, stationData);
  }

  async fetch(batch: Batch<PublicStationAnswer>): Promise<void> {
    batch.fill(Number.POSITIVE_INFINITY);
    const left = batch.missing();
    const next = async (): Promise<void> => {
      for (let id = left.shift(); id !== undefined; id = left.shift()) {
        try {
          batch.answer(id, await this.fetchAlone(id));
        } catch (error) {
          if (concernsAll(error)) throw error;
          batch.fail(id, error);
        }
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, next));
  }
}

import type { Clock } from "../../../../time/clock.ts";
import type { ChargePointClient } from "../../api/client.ts";
import { getPublicStations } from "../../api/operations/get-public-stations.ts";
import { getStations } from "../../api/operations/get-stations.ts";
import type { PublicStationAnswer, StationAnswer } from "../answers.ts";
import type { Source } from "../reads/gathered-reads.ts";
import { pick, StationMissingError } from "../reads/station-missing.ts";
import { AccountWalk, concernsAll, walk } from "../reads/walk.ts";

/** Reads getStations by pages of the whole account, filtered here. */
export function stationsSource(
  client: Pick<ChargePointClient, "call">,
  signal: AbortSignal,
  clock: Clock,
): Source<StationAnswer> {
  const fetchAlone = async (stationID: string) => {
    const { stationData } = await client.call(getStations, { searchQuery: { stationID } }, { signal });
    return pick(getStations.name, stationID, stationData);
  };
  const account = new AccountWalk(clock, fetchAlone);
  return {
    fetchAlone,
    fetch: (batch) =>
      account.read(batch, async (maxPages) => {
        const left = new Set(batch.missing());
        const pages = await walk(client, getStations, {}, { signal, maxPages }, (record): boolean => {
          const { stationID } = record;
          if (stationID !== null && left.delete(stationID)) batch.answer(stationID, record);
          return left.size > 0;
        });
        if (pages !== undefined)
          for (const id of left) batch.fail(id, new StationMissingError(getStations.name, id));
        return pages;
      }),
  };
}

/** Maximum number of concurrent calls, so that a large set leaves capacity for others. */
const AT_A_TIME = 4;

/** Reads getPublicStations, which takes one stationID and has no pages: one call for each station. */
export function publicStationsSource(
  client: Pick<ChargePointClient, "call">,
  signal: AbortSignal,
): Source<PublicStationAnswer> {
  const fetchAlone = async (stationID: string) => {
    const { stationData } = await client.call(getPublicStations, { searchQuery: { stationID } }, { signal });
    return pick(getPublicStations.name, stationID, stationData);
  };
  return {
    fetchAlone,
    async fetch(batch) {
      batch.fill(Number.POSITIVE_INFINITY);
      const left = batch.missing();
      const next = async (): Promise<void> => {
        for (let id = left.shift(); id !== undefined; id = left.shift()) {
          try {
            batch.answer(id, await fetchAlone(id));
          } catch (error) {
            if (concernsAll(error)) throw error;
            batch.fail(id, error);
          }
        }
      };
      await Promise.all(Array.from({ length: AT_A_TIME }, next));
    },
  };
}

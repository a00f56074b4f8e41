import type { Clock } from "../../../../time/clock.ts";
import type { ChargePointClient } from "../../api/client.ts";
import { getStationRights } from "../../api/operations/get-station-rights.ts";
import type { RightsAnswer } from "../answers.ts";
import type { Source } from "../reads/gathered-reads.ts";
import { own } from "../reads/station-missing.ts";
import { AccountWalk, collect, walk } from "../reads/walk.ts";

/** Reads getStationRights by pages of the whole account, filtered here; a station can be in several groups. */
export function rightsSource(
  client: Pick<ChargePointClient, "call">,
  signal: AbortSignal,
  clock: Clock,
): Source<RightsAnswer> {
  const fetchAlone = async (stationID: string) => {
    const rights = await collect(client, getStationRights, { stationID }, signal);
    const stations = rights.flatMap((group) => group.stationData);
    own(getStationRights.name, stationID, stations);
    const found = new Map<string, RightsAnswer>([[stationID, []]]);
    for (const group of rights) addTo(found, group);
    return found.get(stationID)!;
  };
  const account = new AccountWalk(clock, fetchAlone);
  return {
    fetchAlone,
    fetch: (batch) =>
      account.read(batch, async (maxPages) => {
        const found = new Map<string, RightsAnswer>(batch.missing().map((id) => [id, []]));
        const pages = await walk(client, getStationRights, {}, { signal, maxPages }, (group) => {
          addTo(found, group);
          return true;
        });
        if (pages !== undefined) for (const [id, rights] of found) batch.answer(id, rights);
        return pages;
      }),
  };
}

/** Adds its own part of a group's record to each requested station. */
function addTo(found: ReadonlyMap<string, RightsAnswer>, group: RightsAnswer[number]): void {
  for (const station of group.stationData) {
    if (station.stationID !== null) found.get(station.stationID)?.push({ ...group, stationData: [station] });
  }
}

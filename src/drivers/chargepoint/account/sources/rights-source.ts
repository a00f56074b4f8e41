import type { Clock } from "../../../../time/clock.ts";
import type { ChargePointClient } from "../../api/client.ts";
import { getStationRights } from "../../api/operations/get-station-rights.ts";
import type { RightsAnswer } from "../answers.ts";
import type { Batch, Source } from "../reads/gathered-reads.ts";
import { own } from "../reads/station-missing.ts";
import { AccountWalk, collect, walk } from "../reads/walk.ts";

/** Reads getStationRights by pages of the whole account, filtered here; a station can be in several groups. */
export class RightsSource implements Source<RightsAnswer> {
  readonly #client: Pick<ChargePointClient, "call">;
  readonly #signal: AbortSignal;
  readonly #walk: AccountWalk<RightsAnswer>;

  constructor(client: Pick<ChargePointClient, "call">, signal: AbortSignal, clock: Clock) {
    this.#client = client;
    this.#signal = signal;
    this.#walk = new AccountWalk(clock, (id) => this.fetchAlone(id));
  }

  async fetchAlone(stationID: string): Promise<RightsAnswer> {
    const rights = await collect(this.#client, getStationRights, { stationID }, this.#signal);
    own(
      getStationRights.name,
      stationID,
      rights.flatMap((group) => group.stationData),
    );
    const found = new Map<string, RightsAnswer>([[stationID, []]]);
    for (const group of rights) addTo(found, group);
    return found.get(stationID)!;
  }

  fetch(batch: Batch<RightsAnswer>): Promise<void> {
    return this.#walk.read(batch, async (maxPages) => {
      const found = new Map<string, RightsAnswer>(batch.missing().map((id) => [id, []]));
      const options = { signal: this.#signal, maxPages };
      const pages = await walk(this.#client, getStationRights, {}, options, (group) => {
        addTo(found, group);
        return true;
      });
      if (pages !== undefined) for (const [id, rights] of found) batch.answer(id, rights);
      return pages;
    });
  }
}

/** Adds its own part of a group's record to each requested station. */
function addTo(found: ReadonlyMap<string, RightsAnswer>, group: RightsAnswer[number]): void {
  for (const station of group.stationData) {
    if (station.stationID !== null) found.get(station.stationID)?.push({ ...group, stationData: [station] });
  }
}

import type { getPublicStations } from "../../drivers/chargepoint/api/operations/get-public-stations.ts";
import type { Station } from "../world/station.ts";
import { type AnswerTo, Refusal, type Scene } from "./answer.ts";
import { describePublicly, estimateOf } from "./station-record.ts";
import { type StationSearch, searchAmong } from "./station-search.ts";

/** Answers have no pages; beyond these, the first are told. */
const MOST = 500;

/** Stations that every driver can find, whoever owns them. */
export const answerGetPublicStations: AnswerTo<typeof getPublicStations> = {
  answer({ searchQuery }, scene) {
    const estimate = estimateOf(searchQuery?.Pricing);
    return {
      stationData: publicStations(scene, searchQuery ?? {}).map((station) =>
        describePublicly(station, estimate),
      ),
    };
  },
};

/** @throws Refusal 169 where none matches */
export function publicStations(
  scene: Scene,
  search: StationSearch,
  also: (stations: readonly Station[]) => readonly Station[] = (stations) => stations,
): readonly Station[] {
  const found = also(searchAmong(scene, search, scene.world.publicStations, ({ isPublic }) => isPublic));
  if (found.length === 0) throw new Refusal("169");
  return found.slice(0, MOST);
}

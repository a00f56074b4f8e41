import type { getPublicStationStatus } from "../../drivers/chargepoint/api/operations/get-public-station-status.ts";
import type { AnswerTo } from "./answer.ts";
import { publicStations } from "./get-public-stations.ts";
import { describeStatus, inState } from "./get-station-status.ts";

export const answerGetPublicStationStatus: AnswerTo<typeof getPublicStationStatus> = {
  answer({ searchQuery }, scene) {
    const search = searchQuery ?? {};
    const stations = publicStations(scene, search, (found) => inState(found, searchQuery ?? {}));
    return {
      stationStatusData: stations.map((station, index) => ({
        ...describeStatus(station, scene.world.now, searchQuery?.portDetails === true),
        recordNumber: index + 1,
      })),
    };
  },
};

import type { clearShedState } from "../../drivers/chargepoint/api/operations/clear-shed-state.ts";
import type { Port, Station } from "../world/station.ts";
import { type AnswerTo, Refusal } from "./answer.ts";
import { keepOldReading, shedTarget } from "./shed-target.ts";

/** Guide §5.2. Clearing what is not shed is done at once. */
export const answerClearShedState: AnswerTo<typeof clearShedState> = {
  badValues: { sgID: "121" },
  answer({ shedQuery }, scene) {
    if (!shedQuery) throw new Refusal("172");
    const { world } = scene;
    const target = shedTarget(scene, shedQuery.shedGroup, shedQuery.shedStation);
    if (target.kind === "group") {
      for (const station of target.stations) {
        keepOldReading(scene, station);
        world.clearShed(station);
      }
      return { Success: 1, sgID: target.sgID };
    }
    const { station, query } = target;
    const ports = query.Ports ? namedPorts(station, query.Ports.Port) : station.ports;
    keepOldReading(scene, station);
    world.clearShed(station, scene.clearsWholeStation ? station.ports : ports);
    return { Success: 1, stationID: station.id };
  },
};

function namedPorts(station: Station, wanted: readonly { portNumber: string | null }[]): Port[] {
  if (wanted.length === 0 || wanted.some(({ portNumber }) => portNumber === null)) throw new Refusal("183");
  const ports = station.ports.filter(({ number }) => wanted.some(({ portNumber }) => portNumber === number));
  if (ports.length !== wanted.length) throw new Refusal("186");
  return ports;
}

import type { Draft } from "../../drivers/chargepoint/api/message.ts";
import type { getLoad } from "../../drivers/chargepoint/api/operations/get-load.ts";
import { driverIDs } from "../world/driver.ts";
import { fullAddress } from "../world/sites.ts";
import { type Port, portLoadKw, type ShedReading, type Station, shedReading } from "../world/station.ts";
import type { World } from "../world/world.ts";
import { type AnswerTo, Refusal, type Scene } from "./answer.ts";
import { knownGroup, knownSession, knownStation, stationsOf } from "./realm.ts";
import { shownKw, shownPercent } from "./values.ts";

type Record = NonNullable<Draft<(typeof getLoad)["response"]>["stationData"]>[number];

/** By group the frame is filled; by station or session it is empty, as in the guide's sample (§5.3.5). */
export const answerGetLoad: AnswerTo<typeof getLoad> = {
  badValues: { sgID: "121", sessionID: "132" },
  answer({ searchQuery }, scene) {
    const { sgID, stationID, sessionID } = searchQuery ?? { sgID: null, stationID: null, sessionID: null };
    const given = [sgID, stationID, sessionID].filter((value) => value !== null).length;
    if (given === 0) throw new Refusal("184");
    if (given > 1) throw new Refusal("182");
    if (sgID !== null) return groupLoad(scene, sgID);
    const station = stationID === null ? stationOfSession(scene, sessionID!) : knownStation(scene, stationID);
    return {
      numStations: 0,
      groupName: null,
      sgLoad: null,
      stationData: [describeLoad(scene.world, station)],
    };
  },
};

function groupLoad(scene: Scene, sgID: number): Draft<(typeof getLoad)["response"]> {
  const group = knownGroup(scene, sgID);
  const stationData = stationsOf(scene, group).map((station) => describeLoad(scene.world, station));
  if (stationData.length === 0) throw new Refusal("122");
  const watts = stationData.reduce((sum, { stationLoad }) => sum + Math.round(stationLoad! * 1000), 0);
  return {
    sgID,
    numStations: stationData.length,
    groupName: group.name,
    sgLoad: watts / 1000,
    stationData,
  };
}

function stationOfSession(scene: Scene, id: string): Station {
  const { session, station } = knownSession(scene, id);
  // A session that is over has no load, and its port may be somebody else's by now.
  if (session.endedAt !== null) throw new Refusal("132");
  return station;
}

function describeLoad(world: World, station: Station): Record {
  const { now } = world;
  const loads = station.ports.map((port) => shownKw(portLoadKw(port, now)));
  return {
    stationID: station.id,
    stationName: station.name,
    Address: fullAddress(station.site),
    stationLoad: loads.reduce((sum, kw) => sum + kw, 0),
    Port: station.ports.map((port, index) => {
      const { session } = port;
      const driver = session && driverIDs(session.visit.driverNumber);
      const shed = shownShed(port, now);
      return {
        portNumber: port.number,
        userID: driver?.userID ?? null,
        credentialID: driver?.credentialID ?? null,
        shedState: shed.shedState,
        portLoad: loads[index]!,
        allowedLoad: shed.allowedLoad,
        percentShed: shed.percentShed,
        sessionID: String(session?.id ?? 0),
        ...(station.tellsBattery && session
          ? { lastBatteryPercent: shownPercent(session.batteryPercentAt(now)) }
          : {}),
      };
    }),
  };
}

/** The shed as the network tells it: as it is, or still as it was where writes are to show late. */
export function shownShed(port: Port, now: number): ShedReading {
  return port.outdated !== null && now < port.outdated.until ? port.outdated.reading : shedReading(port);
}

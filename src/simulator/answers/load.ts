import type { Draft } from "../../drivers/chargepoint/api/message.ts";
import type { clearShedState } from "../../drivers/chargepoint/api/operations/clear-shed-state.ts";
import type { getLoad } from "../../drivers/chargepoint/api/operations/get-load.ts";
import type { shedLoad } from "../../drivers/chargepoint/api/operations/shed-load.ts";
import { shedMode } from "../world/activity/shedding.ts";
import { driverIDs } from "../world/sessions/driver.ts";
import type { ShedMode } from "../world/sessions/limit.ts";
import { manages } from "../world/stations/rights.ts";
import { fullAddress } from "../world/stations/sites.ts";
import {
  maximumKw,
  type Port,
  portLoadKw,
  type ShedReading,
  type Station,
  shedReading,
} from "../world/stations/station.ts";
import type { World } from "../world/world.ts";
import { type AnswerTo, Refusal, type Scene } from "./answer.ts";
import { knownGroup, knownSession, knownStation, managedStation, rightsOn, stationsOf } from "./realm.ts";
import { shownKw, shownPercent } from "./values.ts";

/** Guide §5.1–5.3: the load, and limits on it. */

interface Demand {
  readonly mode: ShedMode;
  readonly value: number;
}

/**
 * Guide §5.1. Everything is checked before anything is changed: a refused call leaves every station unchanged.
 * A limit of a station with two ports is shared by them: the ports in use get equal parts, less what one of them leaves
 * over. A limit of a group applies to each of its stations; unreachable ones are skipped.
 */
export const answerShedLoad: AnswerTo<typeof shedLoad> = {
  badValues: {
    percentShedPerStation: "123",
    percentShedPerPort: "123",
    timeInterval: "124",
    sgID: "121",
  },
  answer({ shedQuery }, scene) {
    if (!shedQuery) throw new Refusal("172");
    const { world } = scene;
    const target = shedTarget(scene, shedQuery.shedGroup, shedQuery.shedStation);
    // Required by the guide's table, but omitted by clients in the field (VOLTTRON's driver), whose sheds have no end.
    const minutes = shedQuery.timeInterval ?? 0;
    if (minutes < 0) throw new Refusal("124");

    if (target.kind === "group") {
      const { allowedLoadPerStation: kw, percentShedPerStation: percent } = target.group;
      const demand = demandOf(kw, percent);
      checkAllowed(demand, Math.max(...target.stations.map(maximumKw)));
      for (const station of target.stations) checkAbility(station, demand, "175");
      for (const station of target.stations) {
        keepOldReading(scene, station);
        world.shedStation(station, { ...demand, minutes });
      }
      return { Success: 1, sgID: target.sgID, ...perStation(demand) };
    }

    const { station, query } = target;
    const { allowedLoadPerStation: kw, percentShedPerStation: percent, Ports } = query;
    const forStation = kw !== null || percent !== null;
    if (forStation && Ports) throw new Refusal("199");
    if (Ports) {
      const demands = portDemands(station, Ports.Port);
      for (const { demand } of demands) checkAbility(station, demand, "176");
      keepOldReading(scene, station);
      for (const { port, demand } of demands) world.shedPort(station, port, { ...demand, minutes });
      return { Success: 1, stationID: station.id, Ports: { Port: demands.map(perPort) } };
    }
    if (!forStation) throw new Refusal("200");
    const demand = demandOf(kw, percent);
    checkAllowed(demand, maximumKw(station));
    checkAbility(station, demand, "176");
    keepOldReading(scene, station);
    world.shedStation(station, { ...demand, minutes });
    return { Success: 1, stationID: station.id, ...perStation(demand) };
  },
};

function perStation({ mode, value }: Demand) {
  return mode === "absolute" ? { allowedLoadPerStation: value } : { percentShedPerStation: value };
}

function perPort({ port, demand: { mode, value } }: { port: Port; demand: Demand }) {
  return {
    portNumber: port.number,
    ...(mode === "absolute" ? { allowedLoadPerPort: value } : { percentShedPerPort: value }),
  };
}

function demandOf(kw: number | null, percent: number | null): Demand {
  if ((kw === null) === (percent === null)) throw new Refusal("173");
  if (percent !== null) {
    if (percent < 0) throw new Refusal("123");
    if (percent > 100) throw new Refusal("174");
    return { mode: "percentage", value: percent };
  }
  if (kw! < 0) throw new Refusal("130", "the allowed load must not be negative");
  return { mode: "absolute", value: kw! };
}

function checkAllowed(demand: Demand, maximum: number): void {
  if (demand.mode === "absolute" && demand.value > maximum + 1e-9) {
    throw new Refusal("177", `the allowed load cannot be more than ${maximum.toFixed(3)} kW`);
  }
}

/** Refuses what the station does not support, and what it cannot do while another shed is in force. */
function checkAbility(station: Station, demand: Demand, absoluteRefused: string): void {
  if (station.panelSharing) throw new Refusal("202");
  if (demand.mode === "absolute" && !station.canShedAbsolute) throw new Refusal(absoluteRefused);
  const inForce = shedMode(station);
  if (inForce !== null && inForce !== demand.mode) throw new Refusal("179");
}

function portDemands(
  station: Station,
  wanted: readonly {
    portNumber: string | null;
    allowedLoadPerPort: number | null;
    percentShedPerPort: number | null;
  }[],
): { port: Port; demand: Demand }[] {
  if (!station.canShedPerPort) throw new Refusal("185");
  if (wanted.length === 0 || wanted.some(({ portNumber }) => portNumber === null)) throw new Refusal("183");
  const ports = wanted.map(({ portNumber }) => station.ports.find(({ number }) => number === portNumber));
  if (ports.includes(undefined) || new Set(ports).size < ports.length) throw new Refusal("186");
  const demands = wanted.map((query) => demandOf(query.allowedLoadPerPort, query.percentShedPerPort));
  if (demands.some(({ mode }) => mode !== demands[0]!.mode)) throw new Refusal("181");
  return demands.map((demand, index) => {
    const port = ports[index]!;
    checkAllowed(demand, port.kw);
    return { port, demand };
  });
}

/** Guide §5.2. Clearing a station that is not shed succeeds. */
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
  // An ended session has no load, and its port may belong to another session by now.
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

/** The shed as the network reports it: the present one, or the previous one where writes show late. */
function shownShed(port: Port, now: number): ShedReading {
  return port.outdated !== null && now < port.outdated.until ? port.outdated.reading : shedReading(port);
}

type Target<G, S> =
  | {
      readonly kind: "group";
      readonly group: G;
      readonly sgID: number;
      readonly stations: readonly Station[];
    }
  | { readonly kind: "station"; readonly query: S; readonly station: Station };

/**
 * Returns the target of a shedLoad or clearShedState: one group, or one reachable station.
 * @throws Refusal 187 for both, 199 for neither, 172 without ID, 103, 115, 119, 121, 122, 125, 129, 131, 152
 */
function shedTarget<
  G extends { readonly sgID: number | null },
  S extends { readonly stationID: string | null },
>(scene: Scene, group: G | null, station: S | null): Target<G, S> {
  if (group && station) throw new Refusal("187");
  if (group) {
    if (group.sgID === null) throw new Refusal("172");
    const stations = managedStations(scene, group.sgID);
    const reachable = stations.filter(({ unreachableSince }) => unreachableSince === null);
    if (reachable.length === 0) throw new Refusal("115");
    return { kind: "group", group, sgID: group.sgID, stations: reachable };
  }
  if (station) {
    if (station.stationID === null) throw new Refusal("172");
    const found = managedStation(scene, station.stationID);
    if (found.unreachableSince !== null) throw new Refusal("115");
    return { kind: "station", query: station, station: found };
  }
  throw new Refusal("199");
}

/** Returns the stations of a group, if the account may control all of them. @throws Refusal 121, 122, 125, 129, 131 */
export function managedStations(scene: Scene, sgID: number): Station[] {
  const stations = scene.world.stationsOf(knownGroup(scene, sgID));
  if (stations.length === 0) throw new Refusal("122");
  if (!stations.every((station) => manages(rightsOn(scene, station)))) throw new Refusal("131");
  return stations;
}

/** Called before a station's shed is changed: where writes show late, the previous state is reported for a while. */
function keepOldReading({ lateSeconds, world }: Scene, station: Station): void {
  const lateMs = lateSeconds(station.id) * 1000;
  if (lateMs === 0) return;
  for (const port of station.ports) {
    port.outdated = { reading: shownShed(port, world.now), until: world.now + lateMs };
  }
}

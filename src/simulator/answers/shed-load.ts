import type { shedLoad } from "../../drivers/chargepoint/api/operations/shed-load.ts";
import type { ShedMode } from "../world/limit.ts";
import { shedMode } from "../world/shedding.ts";
import { maximumKw, type Port, type Station } from "../world/station.ts";
import { type AnswerTo, Refusal } from "./answer.ts";
import { keepOldReading, shedTarget } from "./shed-target.ts";

interface Demand {
  readonly mode: ShedMode;
  readonly value: number;
}

/**
 * Guide §5.1. All is checked before anything is changed: a refused call leaves every station as it was.
 *
 * A limit of a station with two ports is one limit that they share: the ports in use get equal parts, less what one of
 * them leaves over. A limit of a group holds for each of its stations; those out of reach are passed over.
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
    // Required by the guide's table, left out by clients in the field (VOLTTRON's driver), whose sheds have no end.
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

/** What the station cannot do at all, and what it cannot do while another shed is in force. */
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

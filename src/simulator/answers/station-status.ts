import type { Draft } from "../../drivers/chargepoint/api/message.ts";
import type { getPublicStationStatus } from "../../drivers/chargepoint/api/operations/get-public-station-status.ts";
import type { getStationStatus } from "../../drivers/chargepoint/api/operations/get-station-status.ts";
import { manages } from "../world/stations/rights.ts";
import type { Port, Station } from "../world/stations/station.ts";
import { type AnswerTo, Refusal } from "./answer.ts";
import { pageOf } from "./page.ts";
import { rightsOn } from "./realm.ts";
import { publicStations, type StationSearch, searchStations } from "./station-search.ts";
import { wireTime } from "./values.ts";

/** Guide §7.2, and getPublicStationStatus, which is not in the guide: the status of stations and their ports. */

const MOST = 500;
/** Interval at which stations report. */
const REPORT_MS = 60_000;
/** The numbers by which a search names a status (guide §7.2.2). */
const STATUS_BY_NUMBER: Readonly<Record<number, readonly string[]>> = {
  1: ["AVAILABLE"],
  2: ["INUSE"],
  3: ["UNKNOWN", "UNREACHABLE"],
};

type StatusRecord = NonNullable<Draft<(typeof getStationStatus)["response"]>["stationData"]>[number];
interface StatusSearch extends StationSearch {
  readonly Status?: number | null;
  readonly portDetails?: boolean | null;
}

/** Stations that the account owns or manages (guide §7.2.1). */
export const answerGetStationStatus: AnswerTo<typeof getStationStatus> = {
  answer({ searchQuery }, scene) {
    const search = searchQuery ?? ({} as NonNullable<typeof searchQuery>);
    const stations = inState(
      searchStations(scene, search).filter((station) => manages(rightsOn(scene, station))),
      search,
    );
    const only = search.stationID && stations.length === 0 && scene.world.findStation(search.stationID);
    // It exists, but the account may not read it.
    if (only && !manages(rightsOn(scene, only))) throw new Refusal("131");
    const page = pageOf(
      stations,
      { startRecord: search.startRecord, size: search.numStations },
      { most: MOST, beyond: "189", none: "102" },
    );
    return {
      stationData: page.records.map(({ record, recordNumber }) => ({
        ...describeStatus(record, scene.world.now, search.portDetails === true),
        recordNumber,
      })),
      moreFlag: page.moreFlag,
    };
  },
};

/** Returns the stations with a port of the status that a search names. @throws Refusal 135 */
function inState(stations: readonly Station[], { Status }: StatusSearch): readonly Station[] {
  if (Status === null || Status === undefined) return stations;
  const wanted = STATUS_BY_NUMBER[Status];
  if (!wanted) throw new Refusal("135");
  return stations.filter((station) =>
    station.ports.some((port) => wanted.includes(portStatus(station, port))),
  );
}

function describeStatus(station: Station, now: number, portDetails: boolean): StatusRecord {
  return {
    stationID: station.id,
    Port: station.ports.map((port) => ({
      portNumber: port.number,
      Status: portStatus(station, port),
      faultReason: faultReason(station, port),
      TimeStamp: wireTime(lastWord(station, now)),
      ...(portDetails ? { Connector: port.outlet.connector, Power: port.kw.toFixed(3) } : {}),
    })),
    networkStatus: networkStatus(station),
  };
}

export function networkStatus(station: Station): "REACHABLE" | "UNREACHABLE" {
  return station.unreachableSince === null ? "REACHABLE" : "UNREACHABLE";
}

export function portStatus(station: Station, port: Port): string {
  if (station.unreachableSince !== null) return "UNREACHABLE";
  if (port.fault !== null) return "UNKNOWN";
  return port.session === null ? "AVAILABLE" : "INUSE";
}

function faultReason(station: Station, port: Port): string {
  if (station.unreachableSince !== null) return "Station Unreachable";
  return port.fault === null ? "NONE" : "Hardware Fault";
}

function lastWord(station: Station, now: number): number {
  return station.unreachableSince ?? Math.floor(now / REPORT_MS) * REPORT_MS;
}

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

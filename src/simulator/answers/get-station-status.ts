import type { getStationStatus } from "../../drivers/chargepoint/api/operations/get-station-status.ts";
import type { Port, Station } from "../world/station.ts";
import { type AnswerTo, Refusal } from "./answer.ts";
import { pageOf } from "./page.ts";
import { searchStations } from "./station-search.ts";
import { wireTime } from "./values.ts";

const MOST = 500;
/** Stations report once in a while. */
const REPORT_MS = 60_000;
/** The numbers by which a search names a status (guide §7.2.2). */
const STATUS_BY_NUMBER: Readonly<Record<number, readonly string[]>> = {
  1: ["AVAILABLE"],
  2: ["INUSE"],
  3: ["UNKNOWN", "UNREACHABLE"],
};

export const answerGetStationStatus: AnswerTo<typeof getStationStatus> = {
  answer({ searchQuery }, { world }) {
    const search = searchQuery ?? ({} as NonNullable<typeof searchQuery>);
    if (search.stationID && search.stationIDs) throw new Refusal("194");
    const wanted = statusesOf(search.Status);
    const stations = searchStations(world, search).filter(
      (station) =>
        wanted === null || station.ports.some((port) => wanted.includes(portStatus(station, port))),
    );
    const page = pageOf(
      stations,
      { startRecord: search.startRecord, size: search.numStations },
      { most: MOST, refuseLarger: true, none: "102" },
    );
    return {
      stationData: page.records.map(({ record: station, recordNumber }) => ({
        stationID: station.id,
        Port: station.ports.map((port) => ({
          portNumber: port.number,
          Status: portStatus(station, port),
          faultReason: faultReason(station, port),
          TimeStamp: wireTime(lastWord(station, world.now)),
          ...(search.portDetails ? { Connector: station.model.connector, Power: port.kw.toFixed(3) } : {}),
        })),
        recordNumber,
        networkStatus: station.unreachableSince === null ? "REACHABLE" : "UNREACHABLE",
      })),
      moreFlag: page.moreFlag,
    };
  },
};

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

function statusesOf(number: number | null | undefined): readonly string[] | null {
  if (number === null || number === undefined) return null;
  const statuses = STATUS_BY_NUMBER[number];
  if (!statuses) throw new Refusal("135");
  return statuses;
}

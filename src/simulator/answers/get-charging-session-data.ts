import type { Draft } from "../../drivers/chargepoint/api/message.ts";
import type { getChargingSessionData } from "../../drivers/chargepoint/api/operations/get-charging-session-data.ts";
import type { Session } from "../world/session.ts";
import { fullAddress } from "../world/sites.ts";
import type { World } from "../world/world.ts";
import { type AnswerTo, Refusal } from "./answer.ts";
import { pageOf } from "./page.ts";
import { namesStations, type StationSearch, searchStations } from "./station-search.ts";
import { duration, seconds, shownKwh, shownPercent, timeWindow, wireTime } from "./values.ts";

const MOST = 100;

type Query = NonNullable<Parameters<AnswerTo<typeof getChargingSessionData>["answer"]>[0]["searchQuery"]>;
type Record = NonNullable<Draft<(typeof getChargingSessionData)["response"]>["ChargingSessionData"]>[number];

/**
 * Guide §6.1: final sessions, or with activeSessionsOnly those under way, oldest first. A session is within a window
 * when it starts at or after its beginning and ends before its end; one under way has no end yet.
 */
export const answerGetChargingSessionData: AnswerTo<typeof getChargingSessionData> = {
  badValues: { sessionID: "132" },
  answer({ searchQuery }, { world, sessionRefreshSeconds }) {
    const query = searchQuery ?? ({} as Query);
    const step = sessionRefreshSeconds * 1000;
    const asOf = step === 0 ? world.now : Math.floor(world.now / step) * step;
    const page = pageOf(
      matchingSessions(world, query, asOf),
      { startRecord: query.startRecord },
      { most: MOST, none: "136" },
    );
    return {
      ChargingSessionData: page.records.map(({ record, recordNumber }) => ({
        ...describeSession(world, record, asOf),
        recordNumber: String(recordNumber),
      })),
      MoreFlag: page.moreFlag,
    };
  },
};

function matchingSessions(world: World, query: Query, asOf: number): readonly Session[] {
  if (query.stationID && query.stationIDs) throw new Refusal("194");
  const window = timeWindow(query.fromTimeStamp, query.toTimeStamp);
  const { stationID, stationIDs, stationName, Address, City, State, Country, postalCode } = query;
  const { Proximity, proximityUnit, Geo } = query;
  const where: StationSearch = {
    ...{ stationID, stationIDs, stationName, Address, City, State, Country, postalCode },
    ...{ Proximity, proximityUnit, Geo },
  };
  const stations = namesStations(where)
    ? new Set(searchStations(world, where).map((station) => station.id))
    : null;
  const candidates = query.sessionID
    ? [world.findSession(Number(query.sessionID))].filter((session) => session !== undefined)
    : world.sessionsSince(window.from * 1000);
  return candidates.filter((session) => {
    const ended = session.endedAt !== null && session.endedAt <= asOf;
    const end = ended ? session.endedAt! : session.startedAt;
    return (
      session.startedAt <= asOf &&
      ended !== (query.activeSessionsOnly === true) &&
      seconds(session.startedAt) >= window.from &&
      seconds(end) < window.to &&
      (!query.userID || world.driverOf(session).userID === query.userID) &&
      (stations === null || stations.has(session.stationID))
    );
  });
}

function describeSession(world: World, session: Session, asOf: number): Record {
  const station = world.findStation(session.stationID)!;
  const { site, tellsBattery } = station;
  const { startPercent } = session.visit;
  const driver = world.driverOf(session);
  const ended = session.endedAt !== null && session.endedAt <= asOf;
  return {
    stationID: station.id,
    stationName: station.name,
    portNumber: session.portNumber,
    Address: fullAddress(site),
    City: site.city,
    State: site.state,
    Country: site.country,
    postalCode: site.postalCode,
    sessionID: String(session.id),
    Energy: shownKwh(session.kwhAt(asOf)),
    startTime: wireTime(session.startedAt),
    ...(ended ? { endTime: wireTime(session.endedAt!), endedBy: session.endedBy } : {}),
    totalChargingDuration: duration(session.chargingMsAt(asOf)),
    totalSessionDuration: duration(session.durationMsAt(asOf)),
    userID: driver.userID,
    ...(tellsBattery ? { startBatteryPercentage: shownPercent(startPercent) } : {}),
    ...(tellsBattery && ended ? { stopBatteryPercentage: shownPercent(session.batteryPercentAt(asOf)) } : {}),
    credentialID: driver.credentialID,
    vehicleMake: driver.vehicle.make,
    vehicleModel: driver.vehicle.model,
    vehicleModelYear: String(driver.vehicleModelYear),
    vehiclePortMAC: driver.vehiclePortMAC,
    driverOptedOut: "false",
    rfidSerialNumber: driver.rfidSerialNumber,
    driverAccountNumber: driver.accountNumber,
    driverName: driver.name,
    vehicleID: driver.vehicleID,
  };
}

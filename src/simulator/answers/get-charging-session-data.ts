import type { Draft } from "../../drivers/chargepoint/api/message.ts";
import type { getChargingSessionData } from "../../drivers/chargepoint/api/operations/get-charging-session-data.ts";
import type { Plan } from "../plans.ts";
import { driverIDs } from "../world/driver.ts";
import type { Session } from "../world/session.ts";
import { fullAddress } from "../world/sites.ts";
import type { Station } from "../world/station.ts";
import type { AnswerTo, Scene } from "./answer.ts";
import { pageOf } from "./page.ts";
import { knownSession, rightsOn } from "./realm.ts";
import { namesStations, type StationSearch, searchStations } from "./station-search.ts";
import { duration, seconds, shownKwh, shownPercent, timeWindow, wireTime } from "./values.ts";

const MOST = 100;
/** Stations whose sessions are looked up one by one. */
const FEW = 50;
/** Guide §6.1.3, the starred elements. */
const PLANS_WITH_DRIVERS: ReadonlySet<Plan> = new Set(["full", "enterprise"]);

type Query = NonNullable<Parameters<AnswerTo<typeof getChargingSessionData>["answer"]>[0]["searchQuery"]>;
type Record = NonNullable<Draft<(typeof getChargingSessionData)["response"]>["ChargingSessionData"]>[number];

/**
 * Guide §6.1: final sessions, or with activeSessionsOnly those under way, oldest first. A session is within a window
 * when it starts at or after its beginning and ends before its end; one under way has no end yet.
 */
export const answerGetChargingSessionData: AnswerTo<typeof getChargingSessionData> = {
  badValues: { sessionID: "132" },
  answer({ searchQuery }, scene) {
    const query = searchQuery ?? ({} as Query);
    const { world, sessionRefreshSeconds } = scene;
    const step = sessionRefreshSeconds * 1000;
    const asOf = step === 0 ? world.now : Math.floor(world.now / step) * step;
    const page = pageOf(
      matchingSessions(scene, query, asOf),
      { startRecord: query.startRecord },
      { most: MOST, none: "136" },
    );
    return {
      ChargingSessionData: page.records.map(({ record, recordNumber }) => ({
        ...describeSession(scene, record, asOf),
        recordNumber: String(recordNumber),
      })),
      MoreFlag: page.moreFlag,
    };
  },
};

function matchingSessions(scene: Scene, query: Query, asOf: number): readonly Session[] {
  const window = timeWindow(query.fromTimeStamp, query.toTimeStamp);
  const { stationID, stationIDs, stationName, Address, City, State, Country, postalCode } = query;
  const { Proximity, proximityUnit, Geo } = query;
  const where: StationSearch = {
    ...{ stationID, stationIDs, stationName, Address, City, State, Country, postalCode },
    ...{ Proximity, proximityUnit, Geo },
  };
  const stations = namesStations(where) ? searchStations(scene, where) : null;
  const wanted = stations && new Set(stations.map(({ id }) => id));
  return candidates(scene, query, stations, window.from * 1000).filter((session) => {
    const ended = session.endedAt !== null && session.endedAt <= asOf;
    const end = ended ? session.endedAt! : session.startedAt;
    return (
      session.startedAt <= asOf &&
      ended !== (query.activeSessionsOnly === true) &&
      seconds(session.startedAt) >= window.from &&
      seconds(end) < window.to &&
      (!query.userID || driverIDs(session.visit.driverNumber).userID === query.userID) &&
      (wanted ? wanted.has(session.stationID) : isSeen(scene, session))
    );
  });
}

/** Sessions among which to search, in the order in which they started: as few as can be told at once. */
function candidates(
  scene: Scene,
  { sessionID }: Query,
  stations: readonly Station[] | null,
  from: number,
): readonly Session[] {
  const { sessionBook } = scene.world;
  if (sessionID) return [knownSession(scene, sessionID).session];
  if (stations === null || stations.length > FEW) return sessionBook.since(from);
  return stations.flatMap((station) => sessionBook.of(station.id)).sort((a, b) => a.id - b.id);
}

function isSeen(scene: Scene, { stationID }: Session): boolean {
  return rightsOn(scene, scene.world.findStation(stationID)!) !== null;
}

function describeSession(scene: Scene, session: Session, asOf: number): Record {
  const { world, account } = scene;
  const station = world.findStation(session.stationID)!;
  const { site, tellsBattery } = station;
  const { startPercent } = session.visit;
  const driver = world.driverOf(session);
  const ended = session.endedAt !== null && session.endedAt <= asOf;
  const optedOutAt = session.optedOutAt !== null && session.optedOutAt <= asOf ? session.optedOutAt : null;
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
    driverOptedOut: String(optedOutAt !== null),
    ...(optedOutAt === null ? {} : { driverOptOutTimestamp: wireTime(optedOutAt) }),
    ...(PLANS_WITH_DRIVERS.has(account.plan)
      ? {
          rfidSerialNumber: driver.rfidSerialNumber,
          driverAccountNumber: driver.accountNumber,
          // Names are told of drivers who are connected to the organisation only (guide §6.1.3).
          driverName: world.rosterOf(account.organisation).knows(driver.number)
            ? `${driver.firstName} ${driver.lastName}`
            : null,
          vehicleID: driver.vehicleID,
        }
      : {}),
  };
}

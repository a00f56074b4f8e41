import type { Draft } from "../../drivers/chargepoint/api/message.ts";
import type { get15minChargingSessionData } from "../../drivers/chargepoint/api/operations/get-15min-charging-session-data.ts";
import type { getChargingSessionData } from "../../drivers/chargepoint/api/operations/get-charging-session-data.ts";
import {
  type getTransactionData,
  TRANSACTION_TYPES,
} from "../../drivers/chargepoint/api/operations/get-transaction-data.ts";
import type { Plan } from "../plans.ts";
import { driverIDs } from "../world/sessions/driver.ts";
import { intervalsOf } from "../world/sessions/intervals.ts";
import type { Session } from "../world/sessions/session.ts";
import { manages } from "../world/stations/rights.ts";
import { fullAddress } from "../world/stations/sites.ts";
import type { Station } from "../world/stations/station.ts";
import { REPORTED_AFTER_MS, settlementOf } from "../world/stations/transactions.ts";
import { type AnswerTo, Refusal, type Scene } from "./answer.ts";
import { pageOf } from "./page.ts";
import { checkStationID, knownSession, namedOrganisation, rightsOn } from "./realm.ts";
import { namesStations, type StationSearch, searchStations } from "./station-search.ts";
import {
  duration,
  requestTime,
  seconds,
  shownKw,
  shownKwh,
  shownPercent,
  timeWindow,
  wireTime,
} from "./values.ts";

/** Guide §6: charging sessions, their load by quarter of an hour, and the transactions that pay for them. */

const MOST_SESSIONS = 100;
/** Maximum number of stations whose sessions are looked up one by one. */
const FEW = 50;
/** The starred elements of guide §6.1.3. */
const PLANS_WITH_DRIVERS: ReadonlySet<Plan> = new Set(["full", "enterprise"]);

type SessionQuery = NonNullable<
  Parameters<AnswerTo<typeof getChargingSessionData>["answer"]>[0]["searchQuery"]
>;
type SessionRecord = NonNullable<
  Draft<(typeof getChargingSessionData)["response"]>["ChargingSessionData"]
>[number];

/**
 * Guide §6.1: final sessions, or with activeSessionsOnly active ones, oldest first. A session is within a period when it
 * starts at or after its beginning and ends before its end; an active one has no end yet.
 */
export const answerGetChargingSessionData: AnswerTo<typeof getChargingSessionData> = {
  badValues: { sessionID: "132" },
  answer({ searchQuery }, scene) {
    const query = searchQuery ?? ({} as SessionQuery);
    const { world, sessionRefreshSeconds } = scene;
    const step = sessionRefreshSeconds * 1000;
    const asOf = step === 0 ? world.now : Math.floor(world.now / step) * step;
    const page = pageOf(
      matchingSessions(scene, query, asOf),
      { startRecord: query.startRecord },
      { most: MOST_SESSIONS, none: "136" },
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

function matchingSessions(scene: Scene, query: SessionQuery, asOf: number): readonly Session[] {
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

/** Returns the sessions to search, in the order in which they started: as few as can be determined quickly. */
function candidates(
  scene: Scene,
  { sessionID }: SessionQuery,
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

function describeSession(scene: Scene, session: Session, asOf: number): SessionRecord {
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
          // Names are given of drivers who are connected to the organisation only (guide §6.1.3).
          driverName: world.rosterOf(account.organisation).knows(driver.number)
            ? `${driver.firstName} ${driver.lastName}`
            : null,
          vehicleID: driver.vehicleID,
        }
      : {}),
  };
}

/**
 * Guide §6.2. Energies are those of a meter with a resolution of a millionth of a kWh, so the last reading, and the sum of
 * all differences, equals the Energy of the session in getChargingSessionData.
 */
export const answerGet15minChargingSessionData: AnswerTo<typeof get15minChargingSessionData> = {
  badValues: { sessionID: "132" },
  answer({ sessionID, energyConsumedInterval }, scene) {
    if (sessionID === null) throw new Refusal("172");
    const { session, station } = knownSession(scene, sessionID);
    let before = 0;
    const intervals = intervalsOf(session, scene.world.now).map((interval) => {
      const reading = shownKwh(interval.kwh);
      const consumed = shownKwh(reading - before);
      before = reading;
      return {
        stationTime: wireTime(interval.from),
        energyConsumed: energyConsumedInterval ? consumed : reading,
        peakPower: shownKw(interval.peakKw),
        rollingPowerAvg: shownKw(interval.averageKw),
      };
    });
    if (intervals.length === 0) throw new Refusal("134");
    return { sessionID, stationID: station.id, portNumber: session.portNumber, fifteenminData: intervals };
  },
};

const MOST_TRANSACTIONS = 500;
const USUAL_TRANSACTIONS = 100;

type TransactionQuery = NonNullable<
  Parameters<AnswerTo<typeof getTransactionData>["answer"]>[0]["searchQuery"]
>;

/** Guide §6.3: fees of sessions at stations that the account owns or manages, in the order in which they were reported. */
export const answerGetTransactionData: AnswerTo<typeof getTransactionData> = {
  badValues: { fromTransactionTimeStamp: "141", toTransactionTimeStamp: "141" },
  answer({ searchQuery }, scene) {
    const query = searchQuery ?? ({} as TransactionQuery);
    const page = pageOf(
      matchingTransactions(scene, query),
      { startRecord: query.startRecord, size: query.numTransactions },
      { most: MOST_TRANSACTIONS, usual: USUAL_TRANSACTIONS, beyond: "198", none: "201" },
    );
    return {
      transactions: {
        transactionData: page.records.map(({ record, recordNumber }) => ({
          ...describeTransaction(scene, record),
          recordNumber,
        })),
      },
      MoreFlag: page.moreFlag,
    };
  },
};

function matchingTransactions(scene: Scene, query: TransactionQuery): readonly Session[] {
  const { world } = scene;
  const window = windowOf(query);
  const { stationID, stationMacAddr, pricingRuleName, transactionType, transactionID } = query;
  if (transactionType && !TRANSACTION_TYPES.some((type) => type === transactionType)) {
    throw new Refusal("171", "Invalid Parameters transactionType");
  }
  if (transactionType && transactionType !== "Session") return [];
  if (stationID) checkStationID(stationID);
  const organisation = namedOrganisation(scene, query);
  const part = query.stationName?.toLowerCase();
  const book = world.transactionBook;
  const candidates = transactionID
    ? [book.find(Number(transactionID))].filter((session) => session !== undefined)
    : book.since(window.from * 1000 - REPORTED_AFTER_MS);
  return candidates.filter((session) => {
    if (stationID && session.stationID !== stationID) return false;
    const station = world.findStation(session.stationID)!;
    const at = reportedAt(session);
    return (
      manages(rightsOn(scene, station)) &&
      at <= world.now &&
      seconds(at) >= window.from &&
      seconds(at) <= window.to &&
      (!organisation || station.organisation === organisation) &&
      (!part || station.name.toLowerCase().includes(part)) &&
      (!stationMacAddr || station.mac.toLowerCase() === stationMacAddr.toLowerCase()) &&
      (!pricingRuleName || station.pricing!.name.toLowerCase() === pricingRuleName.toLowerCase()) &&
      (!query.anonymousCreditCardNumber ||
        world.driverOf(session).creditCard === query.anonymousCreditCardNumber)
    );
  });
}

/**
 * Reads a period.
 * @throws Refusal 197 where one time is missing, 196 for one that ends before it begins, 141 for invalid times
 */
function windowOf(query: TransactionQuery): { from: number; to: number } {
  const from = requestTime(query.fromTransactionTimeStamp);
  const to = requestTime(query.toTransactionTimeStamp);
  if ((from === null) !== (to === null)) throw new Refusal("197");
  if (from !== null && to !== null && from > to) throw new Refusal("196");
  return { from: from ?? Number.NEGATIVE_INFINITY, to: to ?? Number.POSITIVE_INFINITY };
}

function reportedAt(session: Session): number {
  return session.endedAt! + REPORTED_AFTER_MS;
}

function describeTransaction({ world }: Scene, session: Session) {
  const station = world.findStation(session.stationID)!;
  const { gross, serviceFee, revenue, tax, net } = settlementOf(session, station);
  return {
    stationID: station.id,
    stationName: station.name,
    stationMacAddr: station.mac,
    portNumber: session.portNumber,
    organizationName: station.organisation.name,
    pricingRuleName: station.pricing!.name,
    transactionType: "Session",
    transactionID: String(session.transactionID),
    Energy: shownKwh(session.kwhAt(session.endedAt!)),
    transactionTime: wireTime(reportedAt(session)),
    startTime: wireTime(session.startedAt),
    endTime: wireTime(session.endedAt!),
    Currency: station.site.currency,
    grossAmount: gross,
    flexBillingServiceFee: serviceFee,
    netRevenue: revenue,
    exchangeRateUSD: station.site.dollars,
    anonymousCreditCardNumber: world.driverOf(session).creditCard,
    taxAmount: tax,
    netAmount: net,
  };
}

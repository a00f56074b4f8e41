import type { getFleetUsageData } from "../../drivers/chargepoint/api/operations/get-fleet-usage-data.ts";
import { TRANSACTION_TYPES } from "../../drivers/chargepoint/api/operations/get-transaction-data.ts";
import type { FleetVehicle } from "../world/activity/fleets.ts";
import type { Session } from "../world/sessions/session.ts";
import type { Station } from "../world/stations/station.ts";
import { REPORTED_AFTER_MS, settlementOf } from "../world/stations/transactions.ts";
import { type AnswerTo, Refusal, type Scene } from "./answer.ts";
import { pageOf } from "./page.ts";
import { isAt } from "./station-search.ts";
import {
  duration,
  matchesPattern,
  sameText,
  seconds,
  shownKwh,
  shownPercent,
  timeWindow,
  wireTime,
} from "./values.ts";

/** Guide §10.5: the use of fleet vehicles. */

const MOST = 500;
const USUAL = 100;
/** Values per kWh in the guide's sample (§10.5.5). */
const GALLONS_PER_KWH = 0.1255;
const GHG_KG_PER_KWH = 0.42;

type Query = NonNullable<Parameters<AnswerTo<typeof getFleetUsageData>["answer"]>[0]["searchQuery"]>;

interface Use {
  readonly vehicle: FleetVehicle;
  readonly session: Session;
  readonly station: Station;
}

/** Guide §10.5: settled sessions of the account's fleet vehicles, at stations of all owners. */
export const answerGetFleetUsageData: AnswerTo<typeof getFleetUsageData> = {
  badValues: { fromTimeStamp: "141", toTimeStamp: "141" },
  answer({ searchQuery }, scene) {
    const query = searchQuery ?? ({} as Query);
    const page = pageOf(
      matchingUses(scene, query),
      { startRecord: query.startRecord, size: query.numRecords },
      { most: MOST, usual: USUAL, none: "160" },
    );
    return {
      fleetUsageData: page.records.map(({ record, recordNumber }) => ({
        recordNumber,
        ...describeUse(record),
      })),
      moreFlag: page.moreFlag,
    };
  },
};

function matchingUses({ world, account }: Scene, query: Query): Use[] {
  const window = timeWindow(query.fromTimeStamp, query.toTimeStamp);
  const { transactionType } = query;
  if (transactionType && !TRANSACTION_TYPES.some((type) => type === transactionType)) {
    throw new Refusal("171", "Invalid Parameters transactionType");
  }
  if (transactionType && transactionType !== "Session") return [];
  const uses = world.transactionBook.entries.flatMap((session): Use[] => {
    const vehicle = world.fleets.ofSession(session);
    return vehicle?.organisation === account.organisation
      ? [{ vehicle, session, station: world.findStation(session.stationID)! }]
      : [];
  });
  return uses.filter(
    ({ vehicle, session, station }) =>
      session.endedAt! + REPORTED_AFTER_MS <= world.now &&
      seconds(session.startedAt) > window.from &&
      seconds(session.endedAt!) < window.to &&
      sameText(query.transactionID, String(session.transactionID)) &&
      sameText(query.fleetVehicleID, vehicle.id) &&
      sameText(query.fleetName, vehicle.fleetName) &&
      sameText(query.vehicleID, vehicle.vehicleID) &&
      sameText(query.License, vehicle.licence) &&
      sameText(query.fleetDriverID, vehicle.driverID) &&
      sameText(query.fleetOrgID, vehicle.organisation.id) &&
      sameText(query.fleetOrgName, vehicle.organisation.name) &&
      sameText(query.paymentType, vehicle.payment?.type) &&
      sameText(query.fraudDetectionStatus, FRAUD_STATUS) &&
      sameText(query.stationOrgName, station.organisation.name) &&
      (!query.stationName || matchesPattern(query.stationName, station.name)) &&
      (!query.credentialID || query.credentialID === cardUsed({ vehicle, session, station })) &&
      isAt(station.site, query),
  );
}

const FRAUD_STATUS = "Session Validated";

/** The card of the vehicle with which a session was started. */
function cardUsed({ vehicle, session }: Use): string | undefined {
  return vehicle.cards[vehicle.cardHolders.indexOf(session.visit.driverNumber)]?.serialNumber;
}

function describeUse(use: Use) {
  const { vehicle, session, station } = use;
  const { site, tellsBattery, model, pricing } = station;
  const end = session.endedAt!;
  const kwh = shownKwh(session.kwhAt(end));
  const { gross } = settlementOf(session, station);
  const port = station.ports.find(({ number }) => number === session.portNumber)!;
  return {
    fleetVehicleID: vehicle.id,
    fleetName: vehicle.fleetName,
    vehicleID: vehicle.vehicleID,
    License: vehicle.licence,
    fleetDriverID: vehicle.driverID,
    credentialID: cardUsed(use) ?? null,
    fleetOrgID: vehicle.organisation.id,
    fleetOrgName: vehicle.organisation.name,
    fraudDetectionStatus: FRAUD_STATUS,
    transactionID: String(session.transactionID),
    transactionType: "Session",
    transactionTime: wireTime(end + REPORTED_AFTER_MS),
    Energy: kwh,
    gasolineSavings: shownKwh(kwh * GALLONS_PER_KWH),
    ghgSavings: shownKwh(kwh * GHG_KG_PER_KWH),
    startTime: wireTime(session.startedAt),
    endTime: wireTime(end),
    ...(tellsBattery
      ? {
          startSOC: shownPercent(session.visit.startPercent),
          endSOC: shownPercent(session.batteryPercentAt(end)),
        }
      : {}),
    chargingTime: duration(session.chargingMsAt(end)),
    sessionDuration: duration(session.durationMsAt(end)),
    portType: model.dc ? "DC" : "AC",
    plugType: port.outlet.plugType,
    Currency: site.currency,
    Fee: gross,
    paymentID: vehicle.payment?.id ?? null,
    paymentSourceAccount: vehicle.payment?.account ?? null,
    paymentType: vehicle.payment?.type ?? null,
    pricingRule: pricing?.name ?? null,
    stationOrgName: station.organisation.name,
    stationName: station.name,
    Address: site.street,
    City: site.city,
    State: site.state,
    postalCode: site.postalCode,
    Country: site.country,
    VIN: vehicle.vin,
    stationID: station.id,
    portNumber: session.portNumber,
    ID: `1:C:${session.transactionID}:S`,
  };
}

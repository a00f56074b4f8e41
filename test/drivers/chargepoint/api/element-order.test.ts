import { describe, expect, it } from "vitest";
import { encode } from "../../../../src/drivers/chargepoint/api/documents/encode.ts";
import { parseXml, type XmlNode } from "../../../../src/drivers/chargepoint/api/documents/xml.ts";
import type { Field, Fields, Operation } from "../../../../src/drivers/chargepoint/api/message.ts";
import { operations } from "../../../../src/drivers/chargepoint/api/operations/index.ts";

/** The orders of the published schema, with the 5.1 additions where they belong. */
const PLACE = "Address City State Country postalCode Proximity proximityUnit";
const OUTLET = "Connector Voltage Current Power";
const PRICING = "Pricing(startTime Duration energyRequired vehiclePower)";
const GEO = "Geo(Lat Long)";
const SERIALS = "demoSerialNumber(serialNumber)";
const PUBLIC =
  `stationID stationManufacturer stationModel stationName serialNumber ${PLACE} ${OUTLET} ` +
  `${SERIALS} Reservable ${GEO} Level Mode ${PRICING}`;
const STATIONS = `${PUBLIC} orgID organizationName sgID sgName`;
const VEHICLE =
  "ChargePointCards(ChargePointCardSN MIFAREID) LicensePlate fleetName vehicleID VIN color make model year " +
  "companyCode driverID vehiclePortMACIDs(vehiclePortMACID)";
const ALARMS = "stationID stationName sgID sgName startTime endTime portNumber";
const SHED_PORT = "Port(portNumber allowedLoadPerPort percentShedPerPort)";

const ORDERS: Record<keyof typeof operations, string> = {
  getCPNInstances: "",
  getStations: `searchQuery(${STATIONS} stationActivationDate warrantyService startRecord numStations)`,
  getStationStatus:
    "searchQuery(stationID stationIDs(stationID) stationManufacturer stationModel stationName " +
    `${PLACE} ${OUTLET} portDetails ${SERIALS} Reservable ${GEO} Status Level Mode ${PRICING} startRecord numStations)`,
  getLoad: "searchQuery(sgID stationID sessionID)",
  getAlarms: `searchQuery(orgID organizationName ${ALARMS} startRecord numTransactions)`,
  clearAlarms: `searchQuery(orgID companyID organizationName ${ALARMS} alarmType clearReason)`,
  getChargingSessionData: `searchQuery(stationID sessionID userID stationName ${PLACE} fromTimeStamp toTimeStamp startRecord ${GEO} stationIDs(stationID) activeSessionsOnly)`,
  getStationRights:
    `searchQuery(${STATIONS} provisionDateRange(startDate endDate) currentFault portStatus adminStatus ` +
    "networkStatus provisionStatus startRecord numStations)",
  shedLoad:
    "shedQuery(shedGroup(sgID allowedLoadPerStation percentShedPerStation) " +
    `shedStation(stationID allowedLoadPerStation percentShedPerStation Ports(${SHED_PORT})) timeInterval)`,
  createLoadShedEvent:
    "shedEvent(stationID sgID eventStartTime eventDuration allowOptOut allowedLoadPerPort percentShedPerStation)",
  removeLoadShedEvent: "eventId",
  get15minChargingSessionData: "sessionID energyConsumedInterval",
  getTransactionData:
    "searchQuery(stationID stationName stationMacAddr orgID organizationName pricingRuleName transactionType transactionID " +
    "fromTransactionTimeStamp toTransactionTimeStamp startRecord numTransactions anonymousCreditCardNumber)",
  getStationGroups: "orgID",
  getStationGroupDetails: "sgID stationID",
  getOrgsAndStationGroups: "searchQuery(orgID organizationName sgID sgName)",
  getStationRightsProfile: "sgID stationRightsProfile",
  getUsers:
    "searchQuery(userID firstName lastName lastModifiedTimeStamp Connection(Status customInfo(Key Value)) " +
    "managementRealm(Status customInfo(Key Value)) credentialID startRecord numUsers)",
  updateUserStatus: "userID associationType Status customText",
  setWaitlistDone: "stationID portID userID customMessageText",
  addFleetVehicle: `vehicle(${VEHICLE})`,
  updateFleetVehicle: `vehicle(fleetVehicleID ${VEHICLE})`,
  deleteFleetVehicle: "fleetVehicleID",
  getFleetVehicles:
    "searchQuery(fleetVehicleID fleetName vehicleID VIN license color make model year fleetDriverID credentialID orgID " +
    "organizationName telematicsProvider telematicsStatus companyCode paymentType paymentStatus startRecord numRecords " +
    "modifiedSince)",
  getFleetUsageData:
    "searchQuery(transactionID transactionType fleetVehicleID fleetName vehicleID License fleetDriverID credentialID " +
    "fleetOrgID fleetOrgName fraudDetectionStatus fromTimeStamp toTimeStamp stationOrgName stationName Address City State " +
    "postalCode Country paymentType startRecord numRecords)",
  getPublicStations: `searchQuery(${PUBLIC})`,
  getPublicStationStatus:
    "searchQuery(stationID stationIDs(stationID) stationManufacturer stationModel stationName " +
    `${PLACE} ${OUTLET} portDetails ${SERIALS} Reservable ${GEO} Status Level Mode ${PRICING})`,
  clearShedState: "shedQuery(shedGroup(sgID) shedStation(stationID Ports(Port(portNumber))))",
};

/** A value for every element, its keys in the wrong order. */
function full(fields: Fields): Record<string, unknown> {
  const entries = Object.entries(fields).map(([name, field]) => [name, fullOf(field)]);
  return Object.fromEntries(entries.reverse());
}

function fullOf(field: Field): unknown {
  if (field.kind === "list") return [fullOf(field.element)];
  if (field.kind === "group") return full(field.fields);
  if (field.type === "boolean") return true;
  return ["int", "decimal", "double"].includes(field.type) ? 1 : "1";
}

const outline = (node: XmlNode): string =>
  node.children
    .map((child) => (child.children.length > 0 ? `${child.name}(${outline(child)})` : child.name))
    .join(" ");

describe("elements of requests are sent in the schema's order", () => {
  it.each(Object.entries<Operation>(operations))("%s", (name, operation) => {
    const sent = parseXml(`<m>${encode(operation.request, full(operation.request))}</m>`);
    expect(outline(sent)).toBe(ORDERS[name as keyof typeof ORDERS]);
  });
});

/**
 * Names of the published schema's complex types by the path of their elements; the longest matching ending decides.
 * Toolkits expose types by these names, so programs written for the service's own WSDL use them. Types without a name are
 * described in place, as in the published schema.
 */
const TYPE_NAMES: Readonly<Record<string, string>> = {
  "getStations/searchQuery": "stationSearchRequestExtended",
  "getStationStatus/searchQuery": "statusSearchdataForGetStations",
  "getStationRights/searchQuery": "stationRightsSearchRequest",
  "getPublicStations/searchQuery": "stationSearchRequest",
  "getPublicStationStatus/searchQuery": "statusSearchdata",
  "getChargingSessionData/searchQuery": "sessionSearchdata",
  "getTransactionData/searchQuery": "getTransDataSearchRequest",
  "getUsers/searchQuery": "getUsersSearchRequest",
  "getAlarms/searchQuery": "getAlarmsSearchQuery",
  "clearAlarms/searchQuery": "clearAlarmsSearchQuery",
  "getOrgsAndStationGroups/searchQuery": "getOrgsAndStationGroupsSearchQuery",
  "getFleetVehicles/searchQuery": "fleetVehicleSearch",
  "getFleetUsageData/searchQuery": "fleetUsageSearch",
  demoSerialNumber: "serialNumberData",
  stationIDs: "stationIdList",
  "getChargingSessionData/searchQuery/stationIDs": "stationIdListBound",
  Geo: "geoData",
  "searchQuery/Pricing": "pricingOptions",
  "searchQuery/Connection": "connectionDataRequest",
  "searchQuery/managementRealm": "managementRealmRequest",
  "shedLoad/shedQuery": "shedLoadQueryInputData",
  "shedLoad/shedQuery/shedGroup": "shedLoadGroupInputData",
  "shedLoad/shedQuery/shedStation": "shedLoadStationInputData",
  "clearShedState/shedQuery": "shedQueryInputData",
  "clearShedState/shedQuery/shedGroup": "shedGroupInputData",
  "clearShedState/shedQuery/shedStation": "shedStationInputData",
  "clearShedState/shedQuery/shedStation/Ports": "portsDataBlock",
  "clearShedState/shedQuery/shedStation/Ports/Port": "portDataShed",
  shedEvent: "shedEvent",
  "addFleetVehicle/vehicle": "fleetVehicleIn",
  "updateFleetVehicle/vehicle": "fleetVehicleIn",
  ChargePointCards: "fleetCards",
  vehiclePortMACIDs: "fleetMacs",

  "getStationsResponse/stationData": "stationDataExtended",
  "getPublicStationsResponse/stationData": "stationData",
  "getStationsResponse/stationData/Port": "portData",
  "getPublicStationsResponse/stationData/Port": "portData",
  "stationData/Pricing": "pricingSpecification",
  "getStationStatusResponse/stationData": "oStatusdata",
  "getStationStatusResponse/stationData/Port": "portDataStatus",
  stationStatusData: "oStatusdata",
  "stationStatusData/Port": "portDataStatus",
  "getLoadResponse/stationData": "stationloaddata",
  "getLoadResponse/stationData/Port": "stationPortData",
  Alarms: "oalarms",
  CPN: "ocpninstances",
  ChargingSessionData: "sessionSearchResultdata",
  fifteenminData: "oChargingSessionsData",
  rightsData: "rightsData",
  "rightsData/stationData": "stationDataRights",
  "getStationGroupsResponse/groupData": "groupsdata",
  "getStationGroupDetailsResponse/groupData": "childGroupData",
  "getStationGroupDetailsResponse/stationData": "stationGroupData",
  orgData: "ohostdata",
  transactions: "transDataParams",
  transactionData: "transData",
  users: "userParams",
  user: "userData",
  "user/Connection": "connectionData",
  "user/managementRealm": "managementRealmData",
  customInfo: "customInfoData",
  customInfos: "customInfosData",
  credentialIDs: "credentialIDsData",
  homeStationDetails: "homeStation",
  FleetVehicle: "fleetVehicleOut",
  "updateFleetVehicleResponse/vehicle": "fleetVehicleOut",
  fleetUsageData: "fleetUsage",
};

/** Returns the type name of the element at a path such as `getStations/searchQuery/Geo`, if it has one. */
export function typeName(path: string): string | undefined {
  for (let ending = path; ; ending = ending.slice(ending.indexOf("/") + 1)) {
    if (Object.hasOwn(TYPE_NAMES, ending)) return TYPE_NAMES[ending];
    if (!ending.includes("/")) return undefined;
  }
}

/**
 * Numeric elements that the service sends empty. The published schema declares them as strings, and so does ours: an empty
 * number is not valid, and no toolkit reads a choice between a number and an empty text.
 */
export const SENT_EMPTY: ReadonlySet<string> = new Set(["getLoadResponse/sgLoad"]);

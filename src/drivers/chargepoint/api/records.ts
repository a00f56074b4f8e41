import type { ResponseOf } from "./message.ts";
import type { operations } from "./operations/index.ts";
import type { RecordOf } from "./paging.ts";

/**
 * The records that an account reads, by common names. Their elements keep the spelling of the wire; every element is
 * present, null where the service sends no value, and lists are always arrays.
 */

type All = typeof operations;

export type CpnInstance = ResponseOf<All["getCPNInstances"]>["CPN"][number];
export type Load = ResponseOf<All["getLoad"]>;
export type StationLoad = Load["stationData"][number];
export type ChargingSession = RecordOf<All["getChargingSessionData"]>;
export type SessionIntervals = ResponseOf<All["get15minChargingSessionData"]>;
export type Transaction = RecordOf<All["getTransactionData"]>;
export type Station = RecordOf<All["getStations"]>;
export type StationStatus = RecordOf<All["getStationStatus"]>;
export type StationGroup = ResponseOf<All["getStationGroups"]>["groupData"][number];
export type StationGroupDetails = ResponseOf<All["getStationGroupDetails"]>;
export type OrgAndStationGroups = ResponseOf<All["getOrgsAndStationGroups"]>["orgData"][number];
export type StationRights = RecordOf<All["getStationRights"]>;
export type Task = ResponseOf<All["getStationRightsProfile"]>["taskList"][number];
export type Alarm = RecordOf<All["getAlarms"]>;
export type User = RecordOf<All["getUsers"]>;
export type FleetVehicle = RecordOf<All["getFleetVehicles"]>;
export type FleetUsage = RecordOf<All["getFleetUsageData"]>;
export type PublicStation = ResponseOf<All["getPublicStations"]>["stationData"][number];
export type PublicStationStatus = ResponseOf<All["getPublicStationStatus"]>["stationStatusData"][number];

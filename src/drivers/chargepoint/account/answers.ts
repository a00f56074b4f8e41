import type { ResponseOf } from "../api/message.ts";
import type { getAlarms } from "../api/operations/get-alarms.ts";
import type { getChargingSessionData } from "../api/operations/get-charging-session-data.ts";
import type { getLoad } from "../api/operations/get-load.ts";
import type { getPublicStationStatus } from "../api/operations/get-public-station-status.ts";
import type { getPublicStations } from "../api/operations/get-public-stations.ts";
import type { getStationRights } from "../api/operations/get-station-rights.ts";
import type { getStationStatus } from "../api/operations/get-station-status.ts";
import type { getStations } from "../api/operations/get-stations.ts";

export type StationAnswer = ResponseOf<typeof getStations>["stationData"][number];
export type StatusAnswer = ResponseOf<typeof getStationStatus>["stationData"][number];
export type LoadAnswer = ResponseOf<typeof getLoad>["stationData"][number];
export type AlarmsAnswer = readonly ResponseOf<typeof getAlarms>["Alarms"][number][];
export type RightsAnswer = ResponseOf<typeof getStationRights>["rightsData"];
export type SessionsAnswer = ResponseOf<typeof getChargingSessionData>["ChargingSessionData"];
export type PublicStationAnswer = ResponseOf<typeof getPublicStations>["stationData"][number];
export type PublicStatusAnswer = ResponseOf<typeof getPublicStationStatus>["stationStatusData"][number];

/** The answers that an account has for one station. */
export interface Answers {
  /** The station's record of getStations. */
  station: StationAnswer;
  /** The station's record of getStationStatus. */
  status: StatusAnswer;
  /** The station's record of getLoad. */
  load: LoadAnswer;
  /** The station's alarms, in the service's order. */
  alarms: AlarmsAnswer;
  /** The account's rights on the station, one record per station group. */
  rights: RightsAnswer;
  /** The station's sessions of the last days, including the one that started last. */
  sessions: SessionsAnswer;
  /** The station's record of getPublicStations. */
  publicStation: PublicStationAnswer;
  /** The station's record of getPublicStationStatus. */
  publicStatus: PublicStatusAnswer;
}

export type AnswerKind = keyof Answers;

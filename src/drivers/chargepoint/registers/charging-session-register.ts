import type { SessionsAnswer } from "../account/answers.ts";
import { newestBy } from "../account/newest.ts";
import { elements, ofPort, type RegisterClass } from "./register.ts";

const ELEMENTS = [
  "sessionID",
  "startTime",
  "endTime",
  "Energy",
  "userID",
  "credentialID",
  "rfidSerialNumber",
  "driverAccountNumber",
  "driverName",
  "totalChargingDuration",
  "totalSessionDuration",
  "startBatteryPercentage",
  "stopBatteryPercentage",
  "endedBy",
  "vehicleMake",
  "vehicleModel",
  "vehicleModelYear",
  "vehiclePortMAC",
  "vehicleID",
] as const;

/** The session of the station or port that began last: getChargingSessionData, guide §6.1. */
export const chargingSessionRegister: RegisterClass<"sessions"> = {
  kind: "sessions",
  attributes: elements("either", ELEMENTS, (answer: SessionsAnswer, name, port) => {
    return newestBy(ofPort(answer, port), (session) => session.startTime)?.[name] ?? null;
  }),
};

import type { SessionsAnswer } from "../account/answers.ts";
import { newestBy } from "../account/newest.ts";
import { type Description, elements, ofPort, type RegisterClass } from "./register.ts";

const ELEMENTS = {
  sessionID: { type: "string", meaning: "Number of the session; text." },
  startTime: { type: "datetime", meaning: "When it began." },
  endTime: { type: "datetime", meaning: "When it ended; null while it runs." },
  Energy: { type: "float", unit: "kWh", meaning: "Energy drawn.", measure: "energy" },
  userID: { type: "string", meaning: "Driver. Personal data.", personal: true },
  credentialID: { type: "string", meaning: "Card or app. Personal data.", personal: true },
  rfidSerialNumber: { type: "string", meaning: "Card. Personal data.", personal: true },
  driverAccountNumber: { type: "string", meaning: "Account of the driver. Personal data.", personal: true },
  driverName: { type: "string", meaning: "Name of the driver. Personal data.", personal: true },
  totalChargingDuration: { type: "string", meaning: "Time in which current flowed, hh:mm:ss." },
  totalSessionDuration: { type: "string", meaning: "Time plugged in, hh:mm:ss." },
  startBatteryPercentage: { type: "float", unit: "%", meaning: "Charge of the battery at the start." },
  stopBatteryPercentage: { type: "float", unit: "%", meaning: "Charge at the end." },
  endedBy: { type: "string", meaning: "What ended it, e.g. `Plug Out at Vehicle`." },
  vehicleMake: {
    type: "string",
    meaning: "Manufacturer of the vehicle; this and the next four only where the driver shares them.",
  },
  vehicleModel: { type: "string", meaning: "Model of the vehicle." },
  vehicleModelYear: { type: "string", meaning: "Model year." },
  vehiclePortMAC: {
    type: "string",
    meaning: "MAC address of the vehicle's port. Personal data.",
    personal: true,
  },
  vehicleID: { type: "string", meaning: "Id of the vehicle. Personal data.", personal: true },
} satisfies Record<string, Description>;

/** The most recently started session of the station or port: getChargingSessionData, guide §6.1. */
export const chargingSessionRegister: RegisterClass<"sessions"> = {
  kind: "sessions",
  attributes: elements("either", ELEMENTS, (answer: SessionsAnswer, name, port) => {
    return newestBy(ofPort(answer, port), (session) => session.startTime)?.[name] ?? null;
  }),
};

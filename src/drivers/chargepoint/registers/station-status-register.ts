import type { StatusAnswer } from "../account/answers.ts";
import { elements, portOf, type RegisterClass } from "./register.ts";

/** Elements that the service sends only when asked for port details (§7.2.2, portDetails). */
export const PORT_DETAIL_ATTRIBUTES: ReadonlySet<string> = new Set(["Connector", "Power"]);

const readPort = (answer: StatusAnswer, name: keyof StatusAnswer["Port"][number], port: string | undefined) =>
  portOf(answer, port ?? "")[name];

/** Whether a port is free, and whether the station can be reached: getStationStatus, guide §7.2. */
export const stationStatusRegister: RegisterClass<"status"> = {
  kind: "status",
  attributes: {
    ...elements("port", ["Status", "faultReason", "Connector", "Power"] as const, readPort),
    TimeStamp: {
      level: "port",
      movesAlone: true,
      read: (answer, port) => readPort(answer, "TimeStamp", port),
    },
    // The guide's table writes it with a capital, its sample without.
    FaultReason: { level: "port", read: (answer, port) => readPort(answer, "faultReason", port) },
    networkStatus: { level: "station", read: (answer) => answer.networkStatus },
  },
};

import type { StatusAnswer } from "../account/answers.ts";
import { type Description, elements, portOf, type RegisterClass } from "./register.ts";

/** Elements that the service sends only with port details (§7.2.2, portDetails). */
export const PORT_DETAIL_ATTRIBUTES: ReadonlySet<string> = new Set(["Connector", "Power"]);

export const STATUS_ELEMENTS = {
  Status: { type: "string", meaning: "AVAILABLE, INUSE, UNREACHABLE or UNKNOWN.", measure: "state" },
  faultReason: {
    type: "string",
    meaning: "Why a port is out of order; NONE when it works.",
    measure: "fault",
  },
  Connector: {
    type: "string",
    meaning: "Connector type. A row of it makes the call request port details.",
  },
  Power: {
    type: "float",
    unit: "kW",
    meaning: "Supported power. A row of it makes the call request port details.",
    measure: "nominal",
  },
} satisfies Record<string, Description>;

/** Whether ports are free, and whether the network reaches the station: getStationStatus, guide §7.2. */
export const stationStatusRegister: RegisterClass<"status"> = {
  kind: "status",
  attributes: {
    ...elements(
      "port",
      STATUS_ELEMENTS,
      (answer: StatusAnswer, name, port) => portOf(answer, port ?? "")[name],
    ),
    TimeStamp: {
      level: "port",
      type: "datetime",
      meaning: "Last contact between station and network.",
      movesAlone: true,
      read: (answer, port) => portOf(answer, port ?? "").TimeStamp,
    },
    // The guide's table writes it with a capital, its sample without.
    FaultReason: {
      level: "port",
      type: "string",
      meaning: "`faultReason`, in the spelling of the guide's table.",
      read: (answer, port) => portOf(answer, port ?? "").faultReason,
    },
    networkStatus: {
      level: "station",
      type: "string",
      meaning: "REACHABLE or UNREACHABLE.",
      measure: "reachable",
      read: (answer) => answer.networkStatus,
    },
  },
};

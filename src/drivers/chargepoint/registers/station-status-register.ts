import type { StatusAnswer } from "../account/answers.ts";
import { type Attribute, type Description, elements, portOf, type RegisterClass } from "./register.ts";

/** Elements that the service sends only with port details (§7.2.2, portDetails). */
export const PORT_DETAIL_ATTRIBUTES: ReadonlySet<string> = new Set(["Connector", "Power"]);

export const STATUS_ELEMENTS = {
  Status: {
    type: "string",
    meaning: "AVAILABLE, INUSE, UNREACHABLE or UNKNOWN.",
    measure: "state",
    words: ["AVAILABLE", "INUSE", "UNREACHABLE", "UNKNOWN"],
  },
  faultReason: {
    type: "string",
    meaning: "Why a port is out of order; NONE when it works.",
    measure: "fault",
  },
  Connector: {
    type: "string",
    meaning: "Connector type. A row of it makes the call request port details.",
    nameplate: true,
  },
  Power: {
    type: "float",
    unit: "kW",
    meaning: "Supported power. A row of it makes the call request port details.",
    measure: "nominal",
    nameplate: true,
  },
} satisfies Record<string, Description>;

type StatusPort = Pick<StatusAnswer["Port"][number], "Status" | "faultReason">;

/** Texts of `faultReason` of a port that works. */
const NO_FAULT: ReadonlySet<string> = new Set(["", "NONE"]);

/** Returns whether a vehicle can charge at a port now; null where the network does not know. */
function isFree({ Status, faultReason }: StatusPort): boolean | null {
  const status = Status?.trim().toUpperCase();
  // The last known status of a station out of reach is no answer.
  if (status === "UNREACHABLE") return null;
  if (!NO_FAULT.has(faultReason?.trim().toUpperCase() ?? "")) return false;
  if (status === "AVAILABLE") return true;
  return status === "INUSE" ? false : null;
}

/** Values derived from the status of all ports, whether these have rows or not. Null while the ports that are known do not decide. */
export const FREE_PORTS: Readonly<
  Record<"anyPortFree" | "allPortsFree", Attribute<{ readonly Port: readonly StatusPort[] }>>
> = {
  anyPortFree: {
    level: "station",
    type: "boolean",
    meaning: "Whether a vehicle can charge at one of the ports now. No value where that is not known.",
    read: ({ Port }) => {
      const free = Port.map(isFree);
      if (free.includes(true)) return true;
      return free.length === 0 || free.includes(null) ? null : false;
    },
  },
  allPortsFree: {
    level: "station",
    type: "boolean",
    meaning: "Whether a vehicle can charge at every port now. No value where that is not known.",
    read: ({ Port }) => {
      const free = Port.map(isFree);
      if (free.includes(false)) return false;
      return free.length === 0 || free.includes(null) ? null : true;
    },
  },
};

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
    ...FREE_PORTS,
  },
};

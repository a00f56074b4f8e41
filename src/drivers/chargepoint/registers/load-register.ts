import type { LoadAnswer } from "../account/answers.ts";
import { elements, portOf, type RegisterClass } from "./register.ts";

type ShedElement = "shedState" | "allowedLoad" | "percentShed";

/**
 * Returns a port's own value, or the station's: `shedState` is 1 when any port is in shed state; a limit is the largest
 * among the ports in shed state, 0 when none is. Null where the answer has no port.
 */
function shedValue(answer: LoadAnswer, name: ShedElement, port: string | undefined): number | null {
  if (port !== undefined) return portOf(answer, port)[name];
  if (answer.Port.length === 0) return null;
  const shed = answer.Port.filter((candidate) => candidate.shedState === 1);
  return Math.max(0, ...shed.map((candidate) => candidate[name] ?? 0));
}

/** Returns whether the row's port, or any port of the station, is in shed state by this mode of limit. */
function isLimitedBy(
  name: "allowedLoad" | "percentShed",
  answer: LoadAnswer,
  port: string | undefined,
): boolean {
  const ports = port === undefined ? answer.Port : [portOf(answer, port)];
  const isByPercent = name === "percentShed";
  // With both values 0 it is an absolute limit of 0 kW.
  return ports.some(
    ({ shedState, percentShed }) => shedState === 1 && (percentShed ?? 0) > 0 === isByPercent,
  );
}

/** Present load and limits: getLoad (guide §5.3); written through shedLoad and clearShedState (§5.1, §5.2). */
export const loadRegister: RegisterClass<"load"> = {
  kind: "load",
  attributes: {
    stationLoad: {
      level: "station",
      type: "float",
      unit: "kW",
      meaning: "Present load of all ports.",
      measure: "load",
      read: (answer) => answer.stationLoad,
    },
    ...elements(
      "port",
      {
        portLoad: { type: "float", unit: "kW", meaning: "Present load.", measure: "load" },
        userID: { type: "string", meaning: "Driver who is charging. Personal data.", personal: true },
        credentialID: {
          type: "string",
          meaning: "Card or app that started the session. Personal data.",
          personal: true,
        },
        lastBatteryPercent: {
          type: "float",
          unit: "%",
          meaning: "Charge of the battery, where car and station can tell.",
        },
        sessionID: {
          type: "string",
          meaning: "Session under way; 0 when idle. A load of 0 does not mean that it is over.",
          measure: "session",
        },
      },
      (answer: LoadAnswer, name, port) => portOf(answer, port ?? "")[name],
    ),
    shedState: {
      level: "either",
      type: "integer",
      meaning:
        "1 while limited. Of a station: 1 while any of its ports is. Writable: 0 clears, 1 applies the last limit again.",
      control: "shedState",
      measure: "limited",
      read: (answer, port) => shedValue(answer, "shedState", port),
    },
    allowedLoad: {
      level: "either",
      type: "float",
      unit: "kW",
      meaning:
        "Limit; 0 when there is none or when it is a percentage. Of a station: the largest among its limited ports. Writable.",
      control: "allowedLoad",
      measure: "limit",
      read: (answer, port) => shedValue(answer, "allowedLoad", port),
      isNoLimit: (answer, port) => !isLimitedBy("allowedLoad", answer, port),
    },
    percentShed: {
      level: "either",
      type: "integer",
      unit: "%",
      meaning:
        "Share of the load that is shed; 0 when there is none or when the limit is absolute. Of a station as for `allowedLoad`. Writable.",
      control: "percentShed",
      measure: "limit_percent",
      read: (answer, port) => shedValue(answer, "percentShed", port),
      isNoLimit: (answer, port) => !isLimitedBy("percentShed", answer, port),
    },
  },
};

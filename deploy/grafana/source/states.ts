import type { ValueText } from "./panel.ts";

const AVAILABLE: ValueText = { text: "available", color: "green" };
const IN_USE: ValueText = { text: "in use", color: "blue" };
const FAULTED: ValueText = { text: "out of order", color: "red" };
const UNREACHABLE: ValueText = { text: "unreachable", color: "orange" };
const UNKNOWN: ValueText = { text: "unknown", color: "gray" };

/** States of ports: codes of SQL and PromQL, and the words that InfluxDB has from the network. */
export const PORT_STATES: Readonly<Record<string, ValueText>> = {
  1: AVAILABLE,
  2: IN_USE,
  3: FAULTED,
  4: UNREACHABLE,
  5: UNKNOWN,
  AVAILABLE,
  INUSE: IN_USE,
  UNREACHABLE,
  UNKNOWN,
};

export const LIMITED: Readonly<Record<string, ValueText>> = {
  0: { text: "no limit", color: "transparent" },
  1: { text: "limited", color: "orange" },
};

export const YES_NO: Readonly<Record<string, ValueText>> = {
  0: { text: "no", color: "red" },
  1: { text: "yes", color: "green" },
};

import type { PointValue } from "../../points/index.ts";

/** An error as VOLTTRON names it. */
export interface VolttronError {
  /** Module and class, as in `exc_type` of its JSON-RPC; the bridge's own name where VOLTTRON has no such error. */
  readonly type: string;
  readonly args: readonly PointValue[];
}

const ACTUATOR = "actuator.agent.";

/** VOLTTRON's error for each of the bridge's, where it has one. Its sources are named by the table of docs/volttron.md. */
const KNOWN: Readonly<Record<string, string>> = {
  ScheduleError: `${ACTUATOR}LockError`,
  RequesterError: "builtins.TypeError",
  BadPayloadError: "builtins.ValueError",
  BadParamsError: "builtins.ValueError",
  InvalidValueError: "builtins.ValueError",
  OverrideError: "platform_driver.agent.OverrideError",
  DeviceNotFoundError: "builtins.KeyError",
  PointNotFoundError: "platform_driver.interfaces.DriverInterfaceError",
  PointReadOnlyError: "builtins.OSError",
  ApiError: "platform_driver.interfaces.chargepoint.service.CPAPIException",
};

/** Errors that the actuator itself raises; the others come to it from the platform driver. */
const OF_ACTUATOR = ["ScheduleError", "RequesterError", "BadPayloadError", "BadParamsError"];

/** Returns VOLTTRON's name and arguments of an error of the bridge. */
export function volttronError(name: string, text: string, code?: string): VolttronError {
  const type = KNOWN[name] ?? name;
  return { type, args: name === "ApiError" && code !== undefined ? [code, text] : [text] };
}

/**
 * Returns the message on VOLTTRON's error topic. The actuator publishes its own errors by their class and text, and those of
 * the driver by module and class with the list of their arguments (`_handle_standard_error`, `_handle_remote_error`).
 */
export function errorMessage(name: string, text: string, code?: string): { type: string; value: string } {
  const { type, args } = volttronError(name, text, code);
  if (!Object.hasOwn(KNOWN, name)) return { type, value: text };
  if (OF_ACTUATOR.includes(name)) return { type: classOf(type), value: text };
  return { type, value: `[${args.map(pythonText).join(", ")}]` };
}

/** Returns Python's `repr` of an error, as in the errors of calls for many points. */
export function errorText(name: string, text: string, code?: string): string {
  const { type, args } = volttronError(name, text, code);
  return `${classOf(type)}(${args.map(pythonText).join(", ")})`;
}

function classOf(type: string): string {
  return type.slice(type.lastIndexOf(".") + 1);
}

/** Returns Python's `repr` of text. */
export function pythonText(value: PointValue): string {
  const text = String(value);
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(/[\\\n\r\t]/g, (one) => ESCAPES[one]!);
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote;
}

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

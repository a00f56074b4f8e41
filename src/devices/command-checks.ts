import { closest } from "../config/index.ts";
import {
  InvalidValueError,
  PointNotFoundError,
  PointReadOnlyError,
  WriteRefusedError,
} from "../drivers/errors.ts";
import { convertValue, isClockSet, type Point, type PointValue } from "../points/index.ts";
import type { Command } from "./commands.ts";
import type { Device } from "./device.ts";
import { CommandExpiredError, DeviceNotFoundError } from "./errors.ts";

/** Maximum length of a set point's text, in characters. */
const MAX_TEXT = 4096;

export function findDevice(devices: ReadonlyMap<string, Device>, path: string): Device {
  const device = devices.get(path);
  if (!device) throw new DeviceNotFoundError(path, closest(path, devices.keys()));
  return device;
}

export function findPoint({ info }: Device, name: string): Point {
  const point = info.points.get(name);
  if (!point) throw new PointNotFoundError(info.path, name, closest(name, info.points.keys()));
  return point;
}

export function checkWritable({ info, heartbeat }: Device, point: Point): void {
  if (heartbeat?.kind === "virtual" && heartbeat.point === point.name)
    throw new PointReadOnlyError(
      info.path,
      point.name,
      "it is the heartbeat, which the bridge writes itself",
    );
  if (!point.writable) throw new PointReadOnlyError(info.path, point.name);
}

/**
 * Rejects a command that is expired or older than `maxAgeSeconds` at `now` (milliseconds since 1970). A command that seems
 * to come from the future was sent by a clock ahead of the bridge's; only its own expiry can show that it is too old. Where
 * the bridge's clock was never set, the age of a command with a time is unknown.
 */
export function checkAge(
  command: Pick<Command, "sentAt" | "expiresAt" | "refusal">,
  now: number,
  maxAgeSeconds: number,
): void {
  const { sentAt, expiresAt, refusal } = command;
  if (refusal) throw refusal;
  if (!isClockSet(new Date(now)) && [sentAt, expiresAt].some((at) => at !== undefined && isClockSet(at)))
    throw new CommandExpiredError(
      "the bridge's clock is not set, so the age of the command is unknown; nothing was sent. Set its clock, or send " +
        "the command without its time and its expiry",
    );
  if (expiresAt !== undefined && now >= expiresAt.getTime())
    throw new CommandExpiredError(`the command expired at ${expiresAt.toISOString()}; nothing was sent`);
  const age = (now - sentAt.getTime()) / 1000;
  if (age > maxAgeSeconds)
    throw new CommandExpiredError(
      `the command is ${Math.round(age)} s old, older than max_command_age (${maxAgeSeconds} s); nothing was sent. ` +
        "If it was sent just now, set the sender's clock",
    );
}

/** Maximum duration of a set point or an event, in minutes: a year. */
export const MAX_MINUTES = 525_600;

export function checkDuration(durationMinutes: number | undefined): void {
  if (durationMinutes === undefined || isDuration(durationMinutes)) return;
  throw new WriteRefusedError(
    `duration_minutes must be a whole number above 0 and at most ${MAX_MINUTES} (a year), found ${durationMinutes}; omit it for no ` +
      "end of its own",
  );
}

export function isDuration(minutes: number): boolean {
  return Number.isInteger(minutes) && minutes > 0 && minutes <= MAX_MINUTES;
}

/** Converts `true` and `false` to 1 and 0 where the point is a switch of the driver, whatever type its row has. */
export function switched({ driver }: Device, { name, type }: Point, raw: unknown): unknown {
  const isNumber = type === "integer" || type === "float";
  return typeof raw === "boolean" && isNumber && driver.isSwitch?.(name) ? Number(raw) : raw;
}

/** Returns the value in the point's type, within its bounds. 0 and false are values; null is not. */
export function checkedValue(device: string, point: Point, raw: unknown): PointValue {
  const refuse = (expected: string) => new InvalidValueError(device, point.name, shown(raw), expected);
  const bounds = boundsText(point);
  const converted = convertValue(raw, point.type);
  if (!converted.ok) throw refuse(converted.expected + bounds);
  const { value } = converted;
  if (value === null) throw refuse(`a value of type ${point.type}${bounds}; to clear a set point, revert it`);
  if (typeof value === "number" && (value < (point.min ?? -Infinity) || value > (point.max ?? Infinity)))
    throw refuse(`a number${bounds}`);
  const text = typeof value === "object" ? JSON.stringify(value) : value;
  if (typeof text === "string" && text.length > MAX_TEXT) throw refuse(`at most ${MAX_TEXT} characters`);
  return value;
}

function boundsText({ min, max }: Point): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`;
  if (min !== undefined) return `, at least ${min}`;
  return max === undefined ? "" : `, at most ${max}`;
}

/** Returns a value as an error can show it: as JSON, and shortened. */
function shown(raw: unknown): unknown {
  const text = jsonText(raw);
  return text.length > 100 ? `${text.slice(0, 100)}…` : JSON.parse(text);
}

const MAX_ECHO = 4096;

/** Returns the value as JSON where possible, else its text as a JSON string. Never throws. */
export function jsonText(raw: unknown): string {
  try {
    return JSON.stringify(raw) ?? "null";
  } catch {
    return JSON.stringify(String(raw));
  }
}

/** Returns the requested value as far as JSON and the length limit allow. */
export function askedValue(raw: unknown): PointValue {
  const text = jsonText(raw);
  return text.length > MAX_ECHO ? `${text.slice(0, MAX_ECHO)}…` : (JSON.parse(text) as PointValue);
}

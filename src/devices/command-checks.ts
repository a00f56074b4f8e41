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

/** Longer text is nobody's set point. */
const LONGEST_TEXT = 4096;

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
    throw new PointReadOnlyError(info.path, point.name, "it is the bridge's own heartbeat");
  if (!point.writable) throw new PointReadOnlyError(info.path, point.name);
}

/**
 * Refuses a command that expired or is older than `maxAgeSeconds` at `now` (milliseconds since 1970). One that seems
 * to come from the future was sent by a clock ahead of ours; only its own expiry can tell that it is too old. Where our
 * clock was never set, nobody can tell the age of one that gives its time.
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
      "the bridge's clock is not set, so it cannot tell how old the command is; nothing was sent. Set its clock, or send " +
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

/** A year. Longest duration of a set point or an event, in minutes. */
export const LONGEST_MINUTES = 525_600;

export function checkDuration(durationMinutes: number | undefined): void {
  if (durationMinutes === undefined || isDuration(durationMinutes)) return;
  throw new WriteRefusedError(
    `duration_minutes is a whole number above 0 and at most ${LONGEST_MINUTES} (a year), not ${durationMinutes}; leave it out for no ` +
      "end of its own",
  );
}

export function isDuration(minutes: number): boolean {
  return Number.isInteger(minutes) && minutes > 0 && minutes <= LONGEST_MINUTES;
}

/** `true` and `false` as 1 and 0 where the point is a switch of the driver, whatever type its row has. */
export function switched({ driver }: Device, { name, type }: Point, raw: unknown): unknown {
  const isNumber = type === "integer" || type === "float";
  return typeof raw === "boolean" && isNumber && driver.isSwitch?.(name) ? Number(raw) : raw;
}

/** The value in the point's type, within its bounds. 0 and false are values like any other; null is none. */
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
  if (typeof text === "string" && text.length > LONGEST_TEXT)
    throw refuse(`at most ${LONGEST_TEXT} characters`);
  return value;
}

function boundsText({ min, max }: Point): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`;
  if (min !== undefined) return `, at least ${min}`;
  return max === undefined ? "" : `, at most ${max}`;
}

/** A value as an error can show it: what JSON can carry, and not too much of it. */
function shown(raw: unknown): unknown {
  const text = jsonText(raw);
  return text.length > 100 ? `${text.slice(0, 100)}…` : JSON.parse(text);
}

const LONGEST_ECHO = 4096;

/** JSON, where there is one of it; else the value's own text as a JSON string. Never throws. */
export function jsonText(raw: unknown): string {
  try {
    return JSON.stringify(raw) ?? "null";
  } catch {
    return JSON.stringify(String(raw));
  }
}

/** What was asked, as far as JSON can carry it and a message should. */
export function askedValue(raw: unknown): PointValue {
  const text = jsonText(raw);
  return text.length > LONGEST_ECHO ? `${text.slice(0, LONGEST_ECHO)}…` : (JSON.parse(text) as PointValue);
}

import { timeOf } from "../../points/index.ts";

/** Formats a time as `2026-11-21T08:00:00Z`, as the service and both databases do; such texts sort by time. */
export function wireTime(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}

const WIRE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** Converts a time of the service to {@link wireTime}'s format; without a zone it is UTC (guide §1.2). Null if it is invalid. */
export function toWireTime(text: string | null | undefined): string | null {
  if (text === null || text === undefined) return null;
  if (WIRE_TIME.test(text)) return text;
  const time = timeOf(text);
  return Number.isNaN(time) ? null : wireTime(new Date(time));
}

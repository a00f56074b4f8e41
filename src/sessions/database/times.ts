import { timeOf } from "../../points/index.ts";

/** `2026-11-21T08:00:00Z`: as the service and both databases have times, to the second; texts of it sort by time. */
export function wireTime(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}

const WIRE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** A time of the service as {@link wireTime}; one without a zone is UTC (guide §1.2). Null where it is none. */
export function toWireTime(text: string | null | undefined): string | null {
  if (text === null || text === undefined) return null;
  if (WIRE_TIME.test(text)) return text;
  const time = timeOf(text);
  return Number.isNaN(time) ? null : wireTime(new Date(time));
}

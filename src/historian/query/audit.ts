import { csvLine } from "../../csv-cell.ts";
import type { Historian } from "./historian.ts";

/** A write attempt as stored in the historian, with its target and time. */
export interface AuditEntry {
  readonly time: string;
  /** `<device path>/<point>`, or the device path for a whole device. */
  readonly target: string;
  readonly requester?: string;
  readonly via?: string;
  readonly action?: string;
  readonly from?: unknown;
  readonly requested?: unknown;
  readonly status?: string;
  readonly readBack?: unknown;
  readonly code?: string;
  readonly text?: string;
  readonly error?: string;
  readonly tookMs?: number;
  readonly id?: string;
}

export interface AuditQuery {
  /** A device, or `<device>/<point>`. Absent: all. */
  readonly target?: string | undefined;
  readonly start?: string;
  readonly end?: string;
  readonly requester?: string;
  readonly status?: string;
  /** Maximum number; the newest are returned. */
  readonly count: number;
}

const PREFIX = "actuators/write/";

/** Returns the newest matching write attempts, oldest first; at most twice as many are in memory. */
export async function findAudit(
  historian: Historian,
  { target, start, end, requester, status, count }: AuditQuery,
  signal: AbortSignal,
): Promise<AuditEntry[]> {
  const place = target === undefined ? "" : `${escaped(target.replace(/^\/+|\/+$/g, ""))}(/[^/]+)?$`;
  const range = { ...(start !== undefined && { start }), ...(end !== undefined && { end }) };
  let found: AuditEntry[] = [];
  const newest = () => found.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0)).slice(-count);
  for await (const { topic, rows } of historian.stream({ pattern: `^${PREFIX}${place}`, ...range }, signal)) {
    for (const [time, value] of rows) {
      const entry: AuditEntry = { time, target: topic.name.slice(PREFIX.length), ...(value as object) };
      if (requester !== undefined && entry.requester !== requester) continue;
      if (status !== undefined && entry.status !== status) continue;
      found.push(entry);
    }
    if (found.length > 2 * count) found = newest();
  }
  return newest();
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

const COLUMNS = [
  ...(["time", "target", "requester", "via", "action", "from", "requested", "status", "readBack"] as const),
  ...(["code", "error", "text", "tookMs", "id"] as const),
];

export function auditCsv(entries: readonly AuditEntry[]): string {
  const lines = entries.map((entry) => COLUMNS.map((column) => entry[column]));
  return [COLUMNS, ...lines].map(csvLine).join("");
}

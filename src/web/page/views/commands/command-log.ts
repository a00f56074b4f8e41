import type { CommandView } from "../../../schemas.ts";
import { PRESETS, type Preset } from "../../state/browser/range.ts";
import { api, type Query } from "../../state/requests/api.ts";

/** A write attempt, from the store or from the memory of the bridge. */
export interface LogEntry {
  readonly time: string;
  /** `<device>/<point>`, or a device. */
  readonly target: string;
  readonly requester?: string;
  readonly via?: string;
  readonly action?: string;
  readonly from?: unknown;
  readonly requested?: unknown;
  readonly status?: string;
  readonly readBack?: unknown;
  readonly code?: string | null;
  readonly text?: string | null;
  readonly error?: string | null;
  readonly tookMs?: number | null;
  readonly id?: string;
}

/** Which commands are listed; "" lists all. */
export interface LogFilters {
  readonly requester: string;
  readonly status: string;
  /** A device or a point. */
  readonly target: string;
  readonly range: Preset;
}

export const logQuery = ({ requester, status, target, range }: LogFilters): Query => ({
  start: `now -${PRESETS[range]}s`,
  requester: requester || undefined,
  status: status || undefined,
  target: target || undefined,
});

/** Loads at most `count` commands, the newest first. Without a store the bridge knows those since its start. */
export async function loadLog(
  filters: LogFilters,
  { isStored, count, signal }: { isStored: boolean; count: number; signal: AbortSignal },
): Promise<readonly LogEntry[]> {
  const { requester, status, target, range } = filters;
  const [{ entries }, { commands }] = await Promise.all([
    isStored
      ? api.get<{ entries: readonly LogEntry[] }>("audit", { query: { ...logQuery(filters), count }, signal })
      : { entries: [] },
    api.get<{ commands: readonly CommandView[] }>("commands", { signal }),
  ]);
  const start = isStored ? Date.now() - PRESETS[range] * 1000 : Number.NEGATIVE_INFINITY;
  const recent = commands
    .map(entryOf)
    .filter(
      (one) =>
        Date.parse(one.time) > start &&
        (requester === "" || one.requester === requester) &&
        (status === "" || one.status === status) &&
        (target === "" || one.target === target || one.target.startsWith(`${target}/`)),
    );
  return newestOf(entries, recent).slice(0, count);
}

/** The newest commands may be on their way to the store, or be stored as sent: the bridge knows what became of them. */
function newestOf(stored: readonly LogEntry[], recent: readonly LogEntry[]): LogEntry[] {
  const keyOf = ({ id, via, target }: LogEntry): string => `${id} ${via} ${target}`;
  const ended = new Set(stored.filter(({ status }) => status !== "sent").map(keyOf));
  const newer = recent.filter((one) => !ended.has(keyOf(one)));
  const replaced = new Set(newer.map(keyOf));
  return [...stored.filter((one) => !replaced.has(keyOf(one))), ...newer].sort(
    (a, b) => Date.parse(b.time) - Date.parse(a.time),
  );
}

/** Returns a command that the bridge remembers as an entry of the log. */
export function entryOf({ at, device, point, ...command }: CommandView): LogEntry {
  return { ...command, time: at, target: point === null ? device : `${device}/${point}` };
}

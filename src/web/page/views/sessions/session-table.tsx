import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type Column, DataTable } from "../../kit/table/data-table.tsx";
import { duration, energy } from "../../kit/text/format.ts";
import { Failed, LoadedView } from "../../kit/text/loading.tsx";
import { Time } from "../../kit/text/time.tsx";
import { api, type Query } from "../../state/requests/api.ts";
import { useLoaded } from "../../state/requests/loaded.ts";
import type { SessionPage, SessionRow } from "./answers.ts";

/** Sessions of a query, the newest first: a page of them, and further pages on demand. Another query is another table (`key`). */
export function SessionTable({
  caption,
  query,
  count,
  columns,
  empty,
  keys,
  onRows,
}: {
  caption: (rows: number, isAll: boolean) => string;
  /** Undefined: the bridge reads no sessions of this device. */
  query: Query | undefined;
  /** Sessions of a page. */
  count: number;
  columns: readonly Column<SessionRow>[];
  empty: ComponentChildren;
  keys?: boolean;
  /** Called with the sessions that are known, e.g. to mark them in a chart. */
  onRows?: (sessions: readonly SessionRow[]) => void;
}) {
  const page = async (after?: string, signal?: AbortSignal): Promise<SessionPage> =>
    query
      ? await api.get<SessionPage>("sessions", { query: { ...query, count, after }, signal })
      : { sessions: [], next: null };
  const first = useLoaded((signal) => page(undefined, signal), [query === undefined]);
  const [more, setMore] = useState<readonly SessionPage[]>([]);
  const [isLoading, setLoading] = useState(false);
  const [error, setError] = useState<unknown>();
  const pages = first.value ? [first.value, ...more] : [];
  const rows = pages.flatMap(({ sessions }) => sessions);
  const next = pages.at(-1)?.next ?? null;
  useEffect(() => {
    if (first.value) onRows?.(rows);
  }, [first.value, more]);
  const loadMore = async (after: string): Promise<void> => {
    setLoading(true);
    setError(undefined);
    try {
      const further = await page(after);
      setMore((before) => [...before, further]);
    } catch (reason) {
      setError(reason);
    }
    setLoading(false);
  };
  return (
    <LoadedView of={first} what="the sessions" lines={8}>
      {() => (
        <>
          <DataTable
            caption={caption(rows.length, next === null)}
            rows={rows}
            columns={columns}
            keyOf={({ session_id }) => session_id}
            keys={keys}
            empty={empty}
          />
          {error !== undefined && <Failed error={error} what="further sessions" />}
          {next !== null && (
            <p>
              <button type="button" class="button" disabled={isLoading} onClick={() => void loadMore(next)}>
                {isLoading ? "Loading…" : `Show ${count} more`}
              </button>
            </p>
          )}
        </>
      )}
    </LoadedView>
  );
}

export const START: Column<SessionRow> = {
  id: "start",
  title: "Start",
  header: true,
  width: "136px",
  cell: ({ session_id, started_at }) => (
    <a href={`/sessions/${session_id}`}>
      <Time at={started_at} seconds={false} />
    </a>
  ),
};

export const CONNECTED: Column<SessionRow> = {
  id: "connected",
  title: "Connected",
  numeric: true,
  width: "112px",
  cell: (row) => duration(connectedFor(row)),
};

export const ENERGY: Column<SessionRow> = {
  id: "energy",
  title: "Energy",
  numeric: true,
  width: "112px",
  cell: ({ energy_kwh }) => energy(energy_kwh),
};

/** Time that the vehicle was connected, in milliseconds; what the network counted, else from start to end or now. */
export function connectedFor({
  connected_seconds,
  started_at,
  ended_at,
}: Pick<SessionRow, "connected_seconds" | "started_at" | "ended_at">): number {
  if (connected_seconds !== null && ended_at !== null) return connected_seconds * 1000;
  return (ended_at === null ? Date.now() : Date.parse(ended_at)) - Date.parse(started_at);
}

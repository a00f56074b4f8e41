import { useEffect, useState } from "preact/hooks";
import type { DeviceDetails } from "../../../schemas.ts";
import { type Column, DataTable } from "../../kit/data-table.tsx";
import { duration, energy, NONE } from "../../kit/format.ts";
import { Empty, Failed, LoadedView } from "../../kit/loading.tsx";
import { StateMark } from "../../kit/state-mark.tsx";
import { Time } from "../../kit/time.tsx";
import { api } from "../../state/api.ts";
import { bridge } from "../../state/bridge.ts";
import { useLoaded } from "../../state/loaded.ts";
import { useSignalValue } from "../../state/signal.ts";
import type { SessionPage, SessionRow } from "../sessions/answers.ts";

const MOST = 50;

/** The newest charging sessions of the station; each opens with its power curve. */
export function Sessions({
  details: { station },
  onSessions,
}: {
  details: DeviceDetails;
  /** The sessions that are known, e.g. to mark them in a chart. */
  onSessions: (sessions: readonly SessionRow[]) => void;
}) {
  const info = useSignalValue(bridge);
  const [older, setOlder] = useState<readonly SessionPage[]>([]);
  const [error, setError] = useState<unknown>();
  const isRead = info?.has.sessions === true && station !== null;
  const load = async (after: string | undefined, signal?: AbortSignal): Promise<SessionPage> =>
    isRead
      ? await api.get<SessionPage>("sessions", { query: { station, count: MOST, after }, signal })
      : { sessions: [], next: null };
  const loaded = useLoaded((signal) => load(undefined, signal), [station, isRead]);
  const sessions = [...(loaded.value?.sessions ?? []), ...older.flatMap((page) => page.sessions)];
  const next = (older.at(-1) ?? loaded.value)?.next ?? null;
  useEffect(() => {
    if (loaded.value) onSessions(sessions);
  }, [loaded.value, older]);
  const more = async (): Promise<void> => {
    try {
      setError(undefined);
      const page = await load(next ?? undefined);
      setOlder((before) => [...before, page]);
    } catch (reason) {
      setError(reason);
    }
  };
  return (
    <LoadedView of={loaded} what="the sessions of the station">
      {() => (
        <>
          <DataTable
            caption="Sessions of the station, the newest first"
            rows={sessions}
            columns={COLUMNS}
            keyOf={({ session_id }) => session_id}
            keys={false}
            empty={
              <Empty title="Charging sessions of this station would be here.">
                {isRead
                  ? "The network has reported none yet."
                  : "This bridge does not read the sessions of this device: set sessions.enabled in its config and restart it."}
              </Empty>
            }
          />
          {error !== undefined && <Failed error={error} what="older sessions" onRetry={() => void more()} />}
          {next !== null && (
            <p>
              <button type="button" class="button" onClick={() => void more()}>
                Older sessions
              </button>
            </p>
          )}
        </>
      )}
    </LoadedView>
  );
}

const COLUMNS: readonly Column<SessionRow>[] = [
  {
    id: "start",
    title: "Start",
    width: "160px",
    header: true,
    cell: ({ session_id, started_at }) => (
      <a href={`/sessions/${session_id}`}>
        <Time at={started_at} />
      </a>
    ),
  },
  { id: "port", title: "Port", width: "80px", cell: ({ port_number }) => port_number ?? NONE },
  {
    id: "state",
    title: "State",
    width: "136px",
    cell: ({ ended_at }) =>
      ended_at === null ? <StateMark state="in_use" text="active" /> : <span class="quiet">ended</span>,
  },
  {
    id: "connected",
    title: "Connected",
    width: "120px",
    numeric: true,
    cell: ({ connected_seconds }) => seconds(connected_seconds),
  },
  {
    id: "charging",
    title: "Charging",
    width: "120px",
    numeric: true,
    cell: ({ charging_seconds }) => seconds(charging_seconds),
  },
  {
    id: "energy",
    title: "Energy",
    width: "120px",
    numeric: true,
    cell: ({ energy_kwh }) => energy(energy_kwh),
  },
  { id: "by", title: "Ended by", wideOnly: true, cell: ({ ended_by }) => ended_by ?? NONE },
];

const seconds = (value: number | null): string => (value === null ? NONE : duration(value * 1000));

import type { DeviceDetails } from "../../../schemas.ts";
import type { Column } from "../../kit/table/data-table.tsx";
import { duration, NONE } from "../../kit/text/format.ts";
import { Empty } from "../../kit/text/loading.tsx";
import { StateMark } from "../../kit/text/state-mark.tsx";
import { bridge } from "../../state/bridge/bridge.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import type { SessionRow } from "../sessions/answers.ts";
import { CONNECTED, ENERGY, SessionTable, START } from "../sessions/session-table.tsx";

/** The newest charging sessions of the station; each opens with its power curve. */
export function Sessions({
  details: { station },
  onSessions,
}: {
  details: DeviceDetails;
  /** Called with the sessions that are known, to mark them in the chart. */
  onSessions: (sessions: readonly SessionRow[]) => void;
}) {
  const info = useSignalValue(bridge);
  const isRead = info?.has.sessions === true && station !== null;
  return (
    <SessionTable
      key={station}
      caption={() => "Sessions of the station, the newest first"}
      query={isRead ? { station } : undefined}
      count={50}
      columns={COLUMNS}
      keys={false}
      onRows={onSessions}
      empty={
        <Empty title="Charging sessions of this station would be here.">
          {isRead
            ? "The network has reported none yet."
            : "This bridge does not read the sessions of this device: set sessions.enabled in its config and restart it."}
        </Empty>
      }
    />
  );
}

const COLUMNS: readonly Column<SessionRow>[] = [
  START,
  { id: "port", title: "Port", width: "80px", cell: ({ port_number }) => port_number ?? NONE },
  {
    id: "state",
    title: "State",
    width: "136px",
    cell: ({ ended_at }) =>
      ended_at === null ? <StateMark state="in_use" text="active" /> : <span class="quiet">ended</span>,
  },
  CONNECTED,
  {
    id: "charging",
    title: "Charging",
    width: "112px",
    numeric: true,
    cell: ({ charging_seconds: seconds }) => (seconds === null ? NONE : duration(seconds * 1000)),
  },
  ENERGY,
  { id: "by", title: "Ended by", wideOnly: true, cell: ({ ended_by }) => ended_by ?? NONE },
];

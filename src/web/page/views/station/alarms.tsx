import type { DeviceDetails } from "../../../schemas.ts";
import { type Column, DataTable } from "../../kit/table/data-table.tsx";
import { Empty, LoadedView } from "../../kit/text/loading.tsx";
import { Name } from "../../kit/text/name.tsx";
import { StateMark } from "../../kit/text/state-mark.tsx";
import { Time } from "../../kit/text/time.tsx";
import { api } from "../../state/requests/api.ts";
import { useLoaded } from "../../state/requests/loaded.ts";

interface Alarm {
  readonly port: string | null;
  readonly type: string;
  readonly at: string;
}

/** The newest alarms of the station, as the network reported them. */
export function Alarms({ details: { station } }: { details: DeviceDetails }) {
  const loaded = useLoaded(
    async (signal): Promise<readonly Alarm[]> => {
      if (station === null) return [];
      const query = { station, count: 100 };
      return (await api.get<{ alarms: Alarm[] }>("alarms", { query, signal })).alarms;
    },
    [station],
  );
  return (
    <LoadedView of={loaded} what="the alarms of the station">
      {(alarms) => (
        <DataTable
          caption="Alarms of the station, the newest first"
          rows={alarms}
          columns={COLUMNS}
          keyOf={({ at, port, type }) => `${at} ${port} ${type}`}
          keys={false}
          empty={
            <Empty title="Alarms that the network reported for this station would be here.">
              {station === null
                ? "The network of this device has none."
                : "There are none, or sessions and alarms are not read (sessions.enabled)."}
            </Empty>
          }
        />
      )}
    </LoadedView>
  );
}

const COLUMNS: readonly Column<Alarm>[] = [
  { id: "at", title: "Time", width: "160px", header: true, cell: ({ at }) => <Time at={at} /> },
  { id: "port", title: "Port", width: "96px", cell: ({ port }) => port ?? "station" },
  {
    id: "type",
    title: "Alarm",
    cell: ({ type }) => (
      <>
        <StateMark state="faulted" text="" />
        <Name text={type} />
      </>
    ),
  },
];

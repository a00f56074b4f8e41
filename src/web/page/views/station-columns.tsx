import type { ComponentChildren } from "preact";
import type { DeviceView, PortView } from "../../schemas.ts";
import type { Column } from "../kit/data-table.tsx";
import { NONE, naturalKey, power } from "../kit/format.ts";
import { Name } from "../kit/name.tsx";
import { Age } from "../kit/time.tsx";
import { stationHref } from "../state/router.ts";
import { useSignalValue } from "../state/signal.ts";
import { LastHour } from "./last-hour.tsx";
import { limitText, PortLimit, PortState, PortUntil } from "./port-cells.tsx";
import { nameOf, type PortRow, portOf } from "./station-rows.ts";

/** A cell that follows the device of its row: a live event draws this text again, and nothing around it. */
function Live({
  row,
  draw,
}: {
  row: PortRow;
  draw: (port: PortView, view: DeviceView) => ComponentChildren;
}) {
  const view = useSignalValue(row.cell.view);
  const port = view.ports[row.index];
  if (!port) return <span class="quiet">{NONE}</span>;
  const drawn = draw(port, view);
  return view.availability === "online" ? <>{drawn}</> : <span class="stale">{drawn}</span>;
}

/** The name, once for the ports of a station; the others repeat it for screen readers. */
function StationName({ row }: { row: PortRow }) {
  const view = useSignalValue(row.cell.view);
  const name = nameOf(view);
  return (
    <a href={stationHref(row.cell.path)} class={row.index === 0 ? "station" : "station again"}>
      <Name text={name} />
      {view.paused && <small> paused</small>}
    </a>
  );
}

function ReadAge({ row }: { row: PortRow }) {
  const at = useSignalValue(row.cell.readAt);
  const view = useSignalValue(row.cell.view);
  if (row.index > 0) return null;
  if (at === null) return <span class="quiet">never</span>;
  return <Age at={at} class={view.availability === "online" ? "quiet" : "limited-text"} />;
}

export const COLUMNS: readonly Column<PortRow>[] = [
  {
    id: "station",
    title: "Station",
    header: true,
    cell: (row) => <StationName row={row} />,
    sortKey: ({ order }) => order,
  },
  {
    id: "port",
    title: "Port",
    width: "64px",
    cell: (row) => <Live row={row} draw={({ port }) => port} />,
    sortKey: (row) => naturalKey(portOf(row)?.port ?? ""),
  },
  {
    id: "state",
    title: "State",
    width: "160px",
    cell: (row) => <Live row={row} draw={(port, view) => <PortState view={view} port={port} />} />,
    sortKey: (row) => portOf(row)?.state ?? "~",
  },
  {
    id: "load",
    title: "Load",
    width: "104px",
    numeric: true,
    cell: (row) => <Live row={row} draw={({ loadKw }) => power(loadKw)} />,
    sortKey: (row) => portOf(row)?.loadKw ?? -1,
  },
  {
    id: "hour",
    title: "Last hour",
    width: "120px",
    wideOnly: true,
    cell: (row) => <LastHour row={row} />,
  },
  {
    id: "limit",
    title: "Limit",
    width: "120px",
    cell: (row) => <Live row={row} draw={({ limit }) => <PortLimit limit={limit} />} />,
    sortKey: (row) => portOf(row)?.limit?.kw ?? (limitText(portOf(row)?.limit ?? null) === NONE ? 1e9 : 1e8),
  },
  {
    id: "until",
    title: "Until",
    width: "120px",
    cell: (row) => <Live row={row} draw={({ limit }) => <PortUntil limit={limit} />} />,
    sortKey: (row) => portOf(row)?.limit?.endsAt ?? "~",
  },
  {
    id: "read",
    title: "Read",
    width: "104px",
    cell: (row) => <ReadAge row={row} />,
    sortKey: ({ cell }) => cell.readAt.peek() ?? "",
  },
];

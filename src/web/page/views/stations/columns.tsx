import { Sparkline } from "../../kit/chart/sparkline.tsx";
import type { Column } from "../../kit/table/data-table.tsx";
import { NONE, power } from "../../kit/text/format.ts";
import { Name } from "../../kit/text/name.tsx";
import { Age } from "../../kit/text/time.tsx";
import { type DeviceCell, nameOf } from "../../state/bridge/devices.ts";
import { lastHours } from "../../state/bridge/last-hour.ts";
import { naturalKey } from "../../state/bridge/natural-key.ts";
import { stationHref } from "../../state/browser/router.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import { useCurve } from "../../state/requests/row-curves.ts";
import { limitText, PortLimit, PortState, PortUntil } from "./port-cells.tsx";
import { type PortRow, portOf } from "./rows.ts";

/** The name, once for the ports of a station; the others repeat it for screen readers. */
function stationName({ cell, index }: PortRow) {
  const view = cell.view.peek();
  return (
    <a href={stationHref(cell.path)} class={index === 0 ? "station" : "station again"}>
      <Name text={nameOf(view)} />
      {view.paused && <small> paused</small>}
    </a>
  );
}

/** Follows the time of the scrape by itself: most scrapes change nothing else. */
function ReadAge({ cell }: { cell: DeviceCell }) {
  const at = useSignalValue(cell.readAt);
  if (at === null) return <span class="quiet">never</span>;
  return <Age at={at} class={cell.view.peek().availability === "online" ? "quiet" : "late"} />;
}

/** The load of the last hour, asked for while its row is drawn. */
function LastHour({ row }: { row: PortRow }) {
  const ports = useCurve(lastHours, row.cell.path);
  const port = portOf(row);
  const values = port && ports?.[port.port];
  // Ports of one size compare; a port that was idle has a flat line.
  return values ? <Sparkline values={values} most={port.maxKw ?? 1} /> : null;
}

/** Columns of the table of ports. Cells read the view of the device; the row follows it. */
export const COLUMNS: readonly Column<PortRow>[] = [
  {
    id: "station",
    title: "Station",
    header: true,
    cell: stationName,
    sortKey: ({ cell }) => cell.order,
  },
  {
    id: "port",
    title: "Port",
    width: "64px",
    cell: (row) => portOf(row)?.port ?? NONE,
    sortKey: (row) => naturalKey(portOf(row)?.port ?? ""),
  },
  {
    id: "state",
    title: "State",
    width: "168px",
    cell: (row) => {
      const port = portOf(row);
      return port ? <PortState view={row.cell.view.peek()} port={port} /> : NONE;
    },
    sortKey: (row) => portOf(row)?.state ?? "~",
  },
  {
    id: "load",
    title: "Load",
    width: "104px",
    numeric: true,
    cell: (row) => power(portOf(row)?.loadKw),
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
    cell: (row) => <PortLimit limit={portOf(row)?.limit ?? null} />,
    sortKey: (row) => {
      const limit = portOf(row)?.limit ?? null;
      return limit?.kw ?? (limitText(limit) === NONE ? 1e9 : 1e8);
    },
  },
  {
    id: "until",
    title: "Until",
    width: "120px",
    cell: (row) => <PortUntil limit={portOf(row)?.limit ?? null} />,
    sortKey: (row) => portOf(row)?.limit?.endsAt ?? "~",
  },
  {
    id: "read",
    title: "Read",
    width: "104px",
    cell: ({ cell, index }) => (index === 0 ? <ReadAge cell={cell} /> : null),
    sortKey: ({ cell }) => cell.readAt.peek() ?? "",
  },
];

import { useEffect } from "preact/hooks";
import { Sparkline } from "../../kit/sparkline.tsx";
import { lastHour, wantLastHour } from "../../state/last-hour.ts";
import { useSignalValue } from "../../state/signal.ts";
import { type PortRow, portOf } from "./station-rows.ts";

/** The load of the last hour, asked for while its row is drawn. */
export function LastHour({ row }: { row: PortRow }) {
  const ports = useSignalValue(lastHour(row.cell.path));
  useEffect(() => wantLastHour(row.cell.path), [row.cell.path]);
  const port = portOf(row);
  const values = port && ports?.[port.port];
  // Ports of one size compare; a port that was idle has a flat line.
  return values ? <Sparkline values={values} most={port.maxKw ?? 1} /> : null;
}

import { useEffect } from "preact/hooks";
import { Sparkline } from "../kit/sparkline.tsx";
import { lastHour, wantLastHour } from "../state/last-hour.ts";
import { useSignalValue } from "../state/signal.ts";
import { type PortRow, portOf } from "./station-rows.ts";

/** The load of the last hour, asked for when its row is visible. */
export function LastHour({ row }: { row: PortRow }) {
  const point = portOf(row)?.loadPoint;
  return point ? <Curve topic={`${row.cell.path}/${point}`} most={portOf(row)?.maxKw ?? undefined} /> : null;
}

function Curve({ topic, most }: { topic: string; most: number | undefined }) {
  const values = useSignalValue(lastHour(topic));
  useEffect(() => wantLastHour(topic), [topic]);
  return values ? <Sparkline values={values} {...(most !== undefined && { most })} /> : null;
}

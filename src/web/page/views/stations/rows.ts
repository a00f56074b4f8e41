import type { PortView } from "../../../schemas.ts";
import { type DeviceCell, wordOf } from "../../state/bridge/devices.ts";

/** A row of the view: one port of a station. */
export interface PortRow {
  readonly key: string;
  readonly cell: DeviceCell;
  /** Place among the ports of the station; a station without ports has one row. */
  readonly index: number;
}

export type Show =
  | "all"
  | "in_use"
  | "available"
  | "limited"
  | "faulted"
  | "unreachable"
  | "unknown"
  | "stale";

export const SHOWN: readonly (readonly [show: Show, text: string])[] = [
  ["all", "all"],
  ["in_use", "in use"],
  ["limited", "limited"],
  ["faulted", "faulted"],
  ["stale", "stale"],
];

/** The same rows as long as the ports are the same: the table then draws nothing again. */
const known = new WeakMap<DeviceCell, readonly PortRow[]>();

/** Returns the rows of a device. */
export function rowsOf(cell: DeviceCell): readonly PortRow[] {
  const { ports } = cell.view.peek();
  const found = known.get(cell);
  if (found?.length === Math.max(1, ports.length)) return found;
  const rows = Array.from({ length: Math.max(1, ports.length) }, (_, index) => ({
    key: `${cell.path} ${index}`,
    cell,
    index,
  }));
  known.set(cell, rows);
  return rows;
}

export function portOf(row: PortRow): PortView | undefined {
  return row.cell.view.peek().ports[row.index];
}

/** Whether a port is among those that the reader asked for. */
export function isShown(row: PortRow, show: Show): boolean {
  if (show === "all") return true;
  const view = row.cell.view.peek();
  if (show === "stale") return view.availability !== "online";
  const port = view.ports[row.index];
  return port !== undefined && wordOf(port) === show;
}

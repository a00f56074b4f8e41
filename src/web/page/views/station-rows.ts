import type { DeviceView, PortView } from "../../schemas.ts";
import { naturalKey } from "../kit/format.ts";
import { type DeviceCell, wordOf } from "../state/devices.ts";

/** A row of the view: one port of a station. */
export interface PortRow {
  readonly key: string;
  readonly cell: DeviceCell;
  /** Place among the ports of the station; a station without ports has one row. */
  readonly index: number;
  /** Search text, in lower case. */
  readonly text: string;
  /** Key of the order by name. */
  readonly order: string;
}

export type Show = "all" | "in_use" | "available" | "limited" | "faulted" | "unreachable" | "stale";

export const SHOWN: readonly (readonly [show: Show, text: string])[] = [
  ["all", "all"],
  ["in_use", "in use"],
  ["limited", "limited"],
  ["faulted", "faulted"],
  ["stale", "stale"],
];

/** Rows by device: made again only where the device has another name or other ports. */
const known = new WeakMap<
  DeviceCell,
  { readonly name: string; readonly ports: number; readonly rows: PortRow[] }
>();

/** Returns the rows of all devices, ordered by name. */
export function rowsOf(cells: readonly DeviceCell[]): readonly PortRow[] {
  return cells
    .flatMap(rowsOfDevice)
    .sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : a.index - b.index));
}

function rowsOfDevice(cell: DeviceCell): PortRow[] {
  const view = cell.view.peek();
  const name = nameOf(view);
  const found = known.get(cell);
  if (found && found.name === name && found.ports === view.ports.length) return found.rows;
  const text = `${name} ${cell.path}`.toLowerCase();
  const order = `${naturalKey(name)} ${cell.path}`;
  const rows = Array.from({ length: Math.max(1, view.ports.length) }, (_, index) => ({
    key: `${cell.path} ${view.ports[index]?.port ?? ""}`,
    cell,
    index,
    text,
    order,
  }));
  known.set(cell, { name, ports: view.ports.length, rows });
  return rows;
}

export const nameOf = ({ name, device }: Pick<DeviceView, "name" | "device">): string => name ?? device;

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

import type { CellRange } from "./sheet.ts";

export interface CellPlace {
  readonly row: number;
  readonly column: number;
}

/** The chosen cells: from `anchor` to `active`, which has the focus. */
export interface Selection {
  readonly anchor: CellPlace;
  readonly active: CellPlace;
}

export interface Size {
  readonly rows: number;
  readonly columns: number;
}

export const one = (row: number, column: number): Selection => ({
  anchor: { row, column },
  active: { row, column },
});

export function rangeOf({ anchor, active }: Selection): CellRange {
  return {
    top: Math.min(anchor.row, active.row),
    left: Math.min(anchor.column, active.column),
    bottom: Math.max(anchor.row, active.row),
    right: Math.max(anchor.column, active.column),
  };
}

export const selectionOf = ({ top, left, bottom, right }: CellRange): Selection => ({
  anchor: { row: bottom, column: right },
  active: { row: top, column: left },
});

export function isOne({ anchor, active }: Selection): boolean {
  return anchor.row === active.row && anchor.column === active.column;
}

/** Moves by cells; `extend` keeps the other end of the range. Stays within the sheet. */
export function moved(
  { anchor, active }: Selection,
  rows: number,
  columns: number,
  size: Size,
  extend = false,
): Selection {
  const next = within({ row: active.row + rows, column: active.column + columns }, size);
  return { anchor: extend ? anchor : next, active: next };
}

/** The selection after its rows were moved. */
export const shifted = ({ anchor, active }: Selection, rows: number): Selection => ({
  anchor: { ...anchor, row: anchor.row + rows },
  active: { ...active, row: active.row + rows },
});

/** Goes to a cell; `extend` keeps the other end of the range. */
export function wentTo(selection: Selection, place: CellPlace, size: Size, extend = false): Selection {
  const active = within(place, size);
  return { anchor: extend ? selection.anchor : active, active };
}

/** The next cell to the right or left, and at the end of a row that of the next one. */
export function tabbed({ active }: Selection, way: 1 | -1, { rows, columns }: Size): Selection {
  const at = active.row * columns + active.column + way;
  const clamped = Math.min(Math.max(0, at), rows * columns - 1);
  return one(Math.floor(clamped / columns), clamped % columns);
}

/** Keeps a selection within a sheet that may have become smaller. */
export function fitted({ anchor, active }: Selection, size: Size): Selection {
  return { anchor: within(anchor, size), active: within(active, size) };
}

function within({ row, column }: CellPlace, { rows, columns }: Size): CellPlace {
  return {
    row: Math.min(Math.max(0, row), rows - 1),
    column: Math.min(Math.max(0, column), columns - 1),
  };
}

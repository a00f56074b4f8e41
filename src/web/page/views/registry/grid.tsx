import type { RefObject } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { answer } from "../../kit/controls/answers.tsx";
import { SuggestInput } from "../../kit/controls/suggest-input.tsx";
import { useVisibleRows } from "../../kit/table/visible-rows.ts";
import { useSignalValue } from "../../state/browser/signal.ts";
import { GridRow } from "./grid-row.tsx";
import { formatCells, parseCells } from "./model/clipboard.ts";
import { knownColumns, offerOf, suggestions } from "./model/completion.ts";
import { byRow } from "./model/problems.ts";
import {
  isOne,
  moved,
  one,
  rangeOf,
  type Selection,
  selectionOf,
  tabbed,
  wentTo,
} from "./model/selection.ts";
import {
  type CellRange,
  cellAt,
  cellsIn,
  clearCells,
  columnCount,
  columnLetters,
  deleteRows,
  edgeOf,
  fillDown,
  insertRows,
  pasteCells,
  rowNumber,
  type Sheet,
  setCells,
} from "./model/sheet.ts";
import { type OpenFile, sizeOf } from "./open-file.ts";
import type { Trials } from "./trial.tsx";

const ROW = 28;

interface GridProps {
  readonly open: OpenFile;
  readonly sheet: Sheet;
  readonly selection: Selection;
  readonly trials: Trials;
  /** Live values by the names of points. */
  readonly live: ReadonlyMap<string, string>;
  readonly onTry: (row: number) => void;
  readonly onFind: () => void;
  readonly onNextProblem: (way: 1 | -1) => void;
  /** Set by the grid: gives the focus to the active cell. */
  readonly focus: RefObject<() => void>;
}

/** A cell that is edited. `typed`: the text replaces what was there. */
interface Editing {
  readonly row: number;
  readonly column: number;
  readonly text: string;
}

/** The cells of a registry, as a spreadsheet. Only the rows in the window are drawn, and the one with the focus. */
export function Grid({
  open,
  sheet,
  selection,
  trials,
  live,
  onTry,
  onFind,
  onNextProblem,
  focus,
}: GridProps) {
  const grid = useRef<HTMLDivElement>(null);
  const body = useRef<HTMLDivElement>(null);
  const [editing, setEditing] = useState<Editing>();
  const { problems } = useSignalValue(open.checkResult);
  const tried = useSignalValue(trials.rows);
  const vocabulary = open.vocabulary!;
  const size = sizeOf(sheet);
  const columns = columnCount(sheet);
  const { row: activeRow, column: activeColumn } = selection.active;
  const range = rangeOf(selection);
  const found = useMemo(() => byRow(problems), [problems]);
  const names = sheet.rows[0]!;
  const known = useMemo(() => knownColumns(sheet, vocabulary), [names, vocabulary]);
  const nameColumn = known.get("Volttron Point Name") ?? 0;
  const attributeColumn = known.get("Attribute Name");
  const template = useMemo(() => widthsOf(sheet), [names, sheet.rows.length]);
  const count = size.rows - 1;
  const { first, end } = useVisibleRows(body, count, ROW);
  const drawn = Array.from({ length: end - first }, (_, at) => first + at + 1);
  if (activeRow > 0 && (activeRow <= first || activeRow > end)) drawn.push(activeRow);

  // The focus follows the active cell, if it is in the grid.
  const wantsFocus = useRef(false);
  const [asked, ask] = useState(0);
  focus.current = () => {
    wantsFocus.current = true;
    ask((times) => times + 1);
  };
  const showActive = (): void => {
    const cell = grid.current?.querySelector<HTMLElement>(
      `[data-row="${activeRow}"][data-column="${activeColumn}"]`,
    );
    if (!cell || !grid.current) return;
    if (wantsFocus.current && !editing) cell.focus({ preventScroll: true });
    wantsFocus.current = false;
    scrollTo(grid.current, cell, activeRow, activeColumn);
  };
  useLayoutEffect(showActive, [selection, sheet, editing, asked]);

  const select = (next: Selection): void => {
    wantsFocus.current = true;
    open.select(next);
  };
  const edit = (change: (sheet: Sheet) => Sheet, next?: Selection): void => {
    wantsFocus.current = true;
    open.edit(change, next);
  };
  const dataRange = (): CellRange => ({ ...range, right: Math.min(range.right, columns - 1) });
  const isExtra = activeColumn >= columns;

  // Letters that are typed before the field is there belong to it too.
  const begun = useRef<Editing>(undefined);
  useLayoutEffect(() => {
    begun.current = undefined;
  }, [editing]);
  // A field that is taken away loses the focus too: what was committed or cancelled is not written again.
  const isOpen = useRef(false);
  const begin = (text: string): void => {
    if (isExtra) return;
    isOpen.current = true;
    const before = begun.current;
    begun.current = { row: activeRow, column: activeColumn, text: (before?.text ?? "") + text };
    setEditing(begun.current);
  };
  /** Writes the edited cell, and what a chosen attribute says of empty cells beside it. */
  const commit = (text: string, next?: Selection): void => {
    if (!editing || !isOpen.current) return;
    isOpen.current = false;
    const { row, column } = editing;
    setEditing(undefined);
    edit((before) => {
      const after = setCells(before, [[row, column, text.trim()]]);
      if (after === before || row === 0 || column !== attributeColumn) return after;
      return setCells(after, offerOf(after, row, vocabulary).empty);
    }, next);
  };
  const cancel = (): void => {
    isOpen.current = false;
    wantsFocus.current = true;
    setEditing(undefined);
  };

  const page = (): number => Math.max(1, Math.floor((grid.current?.clientHeight ?? 400) / ROW) - 2);
  const go = (rows: number, cols: number, extend: boolean): void =>
    select(moved(selection, rows, cols, size, extend));
  const onKeyDown = (event: KeyboardEvent): void => {
    if (editing || event.isComposing) return;
    const { key, shiftKey: shift, altKey: alt } = event;
    const ctrl = event.ctrlKey || event.metaKey;
    const { row, column } = selection.active;
    if (begun.current && (key.length > 1 || ctrl)) {
      // The field is drawn in a moment; then the key is for it.
      event.preventDefault();
      return;
    }
    const run = (): (() => void) | undefined => {
      if (ctrl && alt) {
        if (key === "=" || key === "+") return () => edit((s) => insertRows(s, range.top, height(range)));
        if (key === "-")
          return () => edit((s) => deleteRows(s, range.top, range.bottom), one(range.top, column));
        return undefined;
      }
      if (ctrl) {
        switch (key.toLowerCase()) {
          case "z":
            return () => (shift ? redoStep() : undoStep());
          case "y":
            return redoStep;
          case "d":
            return () => edit((s) => fillDown(s, dataRange()));
          case "f":
            return onFind;
          case "a":
            return () =>
              select({ anchor: { row: size.rows - 1, column: columns - 1 }, active: { row: 0, column: 0 } });
          case " ":
            return () => select({ anchor: { row: size.rows - 1, column }, active: { row: 1, column } });
          case "home":
            return () => select(wentTo(selection, { row: 0, column: 0 }, size, shift));
          case "end":
            return () => select(wentTo(selection, { row: size.rows - 1, column: columns - 1 }, size, shift));
          case "arrowdown":
            return () => go(edgeOf(sheet, row, column, 1), 0, shift);
          case "arrowup":
            return () => go(edgeOf(sheet, row, column, -1), 0, shift);
          case "arrowright":
            return () => select(wentTo(selection, { row, column: columns - 1 }, size, shift));
          case "arrowleft":
            return () => select(wentTo(selection, { row, column: 0 }, size, shift));
          default:
            return undefined;
        }
      }
      if (alt) {
        if (key !== "ArrowUp" && key !== "ArrowDown") return undefined;
        const way = key === "ArrowUp" ? -1 : 1;
        return () => {
          wantsFocus.current = true;
          open.moveRows(way);
        };
      }
      switch (key) {
        case "ArrowDown":
          return () => go(1, 0, shift);
        case "ArrowUp":
          return () => go(-1, 0, shift);
        case "ArrowRight":
          return () => go(0, 1, shift);
        case "ArrowLeft":
          return () => go(0, -1, shift);
        case "PageDown":
          return () => go(page(), 0, shift);
        case "PageUp":
          return () => go(-page(), 0, shift);
        case "Home":
          return () => select(wentTo(selection, { row, column: 0 }, size, shift));
        case "End":
          return () => select(wentTo(selection, { row, column: columns - 1 }, size, shift));
        case "Enter":
          if (column === columns + 1 && row > 0) return () => onTry(row);
          return isExtra ? undefined : () => begin(cellAt(sheet, row, column));
        case "F2":
          return () => begin(cellAt(sheet, row, column));
        case "F8":
          return () => onNextProblem(shift ? -1 : 1);
        case "Tab": {
          const next = tabbed(selection, shift ? -1 : 1, size);
          // At the ends, Tab leaves the grid.
          return next.active.row === row && next.active.column === column ? undefined : () => select(next);
        }
        case "Escape":
          return isOne(selection) ? undefined : () => select(one(row, column));
        case "Delete":
        case "Backspace":
          return () => edit((s) => clearCells(s, dataRange()));
        case " ":
          if (shift)
            return () => select({ anchor: { row, column: columns - 1 }, active: { row, column: 0 } });
          if (column === columns + 1 && row > 0) return () => onTry(row);
          return () => begin(" ");
        default:
          return key.length === 1 && !isExtra ? () => begin(key) : undefined;
      }
    };
    const action = run();
    if (!action) return;
    event.preventDefault();
    action();
  };
  const undoStep = (): void => {
    wantsFocus.current = true;
    open.undo();
  };
  const redoStep = (): void => {
    wantsFocus.current = true;
    open.redo();
  };
  const onEditKey = (event: KeyboardEvent): void => {
    if (!editing) return;
    const { row, column, text } = editing;
    const at = one(row, column);
    const next = {
      Enter: () => moved(at, event.shiftKey ? -1 : 1, 0, size),
      Tab: () => tabbed(at, event.shiftKey ? -1 : 1, size),
    }[event.key];
    event.stopPropagation();
    if (event.key === "Escape") {
      event.preventDefault();
      cancel();
    } else if (next) {
      event.preventDefault();
      commit(text, next());
    }
  };

  const onCopy = (event: ClipboardEvent, cut: boolean): void => {
    if (editing || !event.clipboardData) return;
    event.preventDefault();
    const chosen = dataRange();
    if (chosen.left > chosen.right) {
      event.clipboardData.setData("text/plain", live.get(cellAt(sheet, activeRow, nameColumn)) ?? "");
      return;
    }
    event.clipboardData.setData("text/plain", formatCells(cellsIn(sheet, chosen)));
    if (cut) edit((s) => clearCells(s, chosen));
  };
  const onPaste = (event: ClipboardEvent): void => {
    if (editing || isExtra) return;
    event.preventDefault();
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (text === "") return;
    const block = parseCells(text, sheet.delimiter, columns);
    const { sheet: after, range: filled, clipped } = pasteCells(sheet, dataRange(), block);
    edit(() => after, selectionOf(filled));
    if (clipped > 0)
      answer(`${clipped} ${clipped === 1 ? "column" : "columns"} beyond the last one did not fit.`, "note");
  };

  const onPointerDown = (event: PointerEvent): void => {
    const place = placeOf(event.target);
    if (event.button !== 0 || !place) return;
    if (editing) {
      if (editing.row === place.row && editing.column === place.column) return;
      commit(editing.text);
    }
    // A field that has the focus would take the selection of text along.
    if (event.pointerType === "mouse") event.preventDefault();
    if (place.column < 0) {
      const top = event.shiftKey ? selection.anchor.row : place.row;
      select({ anchor: { row: top, column: columns - 1 }, active: { row: place.row, column: 0 } });
    } else select(wentTo(selection, place, size, event.shiftKey));
    if (place.column === columns + 1 && place.row > 0 && (event.target as Element).closest(".try"))
      onTry(place.row);
  };
  const onPointerMove = (event: PointerEvent): void => {
    if (event.buttons !== 1 || event.pointerType !== "mouse" || editing) return;
    const place = placeOf(document.elementFromPoint(event.clientX, event.clientY));
    if (!place || !grid.current?.contains(document.activeElement)) return;
    const column = place.column < 0 ? 0 : place.column;
    if (place.row !== activeRow || column !== activeColumn)
      select(wentTo(selection, { row: place.row, column }, size, true));
  };

  const editor = editing && (
    <SuggestInput
      class="cell-field"
      aria-label={`${cellAt(sheet, 0, editing.column) || "Column name"}, row ${rowNumber(sheet, editing.row)}`}
      autoFocus
      value={editing.text}
      suggestions={suggestions(sheet, editing.row, editing.column, editing.text, vocabulary)}
      onValue={(text) => setEditing({ ...editing, text })}
      onTake={(text, key) => {
        const at = one(editing.row, editing.column);
        commit(text, key === "Tab" ? tabbed(at, 1, size) : key === "Enter" ? moved(at, 1, 0, size) : at);
      }}
      onKey={onEditKey}
      onLeave={() => commit(editing.text)}
    />
  );
  const draw = (index: number) => {
    const row = sheet.rows[index]!;
    const isIn = index >= range.top && index <= range.bottom;
    const isActive = index === activeRow;
    return (
      <GridRow
        key={row.id}
        row={row}
        index={index}
        number={rowNumber(sheet, index)}
        top={(index - 1) * ROW}
        columns={columns}
        from={isIn ? range.left : -1}
        to={isIn ? range.right : -2}
        active={isActive ? activeColumn : -1}
        problems={found.get(row.id)}
        live={live.get(row.cells[nameColumn] ?? "") ?? ""}
        trial={tried.get(row.id)}
        canTry={attributeColumn !== undefined && (row.cells[attributeColumn] ?? "") !== ""}
        editor={isActive ? editor : undefined}
      />
    );
  };
  return (
    <div
      ref={grid}
      class="grid"
      role="grid"
      tabIndex={-1}
      aria-label={`Cells of ${open.file.name}`}
      aria-rowcount={size.rows}
      aria-colcount={size.columns + 1}
      aria-multiselectable="true"
      data-keys="own"
      style={{ "--columns": template, "--grid-height": `${count * ROW}px`, "--trial": `${TRIAL}px` }}
      onKeyDown={onKeyDown}
      onCopy={(event) => onCopy(event, false)}
      onCut={(event) => onCopy(event, true)}
      onPaste={onPaste}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onDblClick={(event) => {
        const place = placeOf(event.target);
        if (!editing && place && place.column >= 0) begin(cellAt(sheet, place.row, place.column));
      }}
    >
      <div role="rowgroup" class="letters-and-names">
        <div class="letters" aria-hidden="true">
          <span />
          {Array.from({ length: columns }, (_, column) => (
            <span key={column}>{columnLetters(column)}</span>
          ))}
          <span class="extra" />
          <span class="extra" />
        </div>
        {draw(0)}
      </div>
      <div role="rowgroup" ref={body} class="rows">
        {drawn.map(draw)}
      </div>
    </div>
  );
}

const height = ({ top, bottom }: CellRange): number => bottom - top + 1;

function placeOf(target: EventTarget | null): { row: number; column: number } | undefined {
  const cell = target instanceof Element ? target.closest<HTMLElement>("[data-row]") : null;
  return cell ? { row: Number(cell.dataset.row), column: Number(cell.dataset.column) } : undefined;
}

/** Scrolls the grid so that a cell is not below its head or left of its row numbers. */
function scrollTo(grid: HTMLElement, cell: HTMLElement, row: number, column: number): void {
  const head = grid.querySelector<HTMLElement>(".letters-and-names")!.offsetHeight;
  if (row > 0) {
    const top = (row - 1) * ROW;
    const room = grid.clientHeight - head;
    if (top < grid.scrollTop) grid.scrollTop = top;
    else if (top + ROW > grid.scrollTop + room) grid.scrollTop = top + ROW - room;
  }
  if (column < 0) return;
  const { left, right } = cell.getBoundingClientRect();
  const around = grid.getBoundingClientRect();
  const covered = around.left + NUMBERS;
  if (getComputedStyle(cell).position === "sticky") return;
  const sticky = [...(cell.parentElement?.querySelectorAll<HTMLElement>(".extra") ?? [])].filter(
    (one) => getComputedStyle(one).position === "sticky",
  );
  const end = around.left + grid.clientWidth - sticky.reduce((sum, { offsetWidth }) => sum + offsetWidth, 0);
  if (left < covered) grid.scrollLeft -= covered - left;
  else if (right > end) grid.scrollLeft += Math.min(left - covered, right - end);
}

/** Width of the row numbers, in pixels. */
const NUMBERS = 56;
/** Width of the last column, in pixels. */
const TRIAL = 168;
/** Number of rows whose texts say how wide a column is. */
const MEASURED = 300;

/** Widths of the columns, by their longest texts. */
function widthsOf(sheet: Sheet): string {
  const rows = sheet.rows.slice(1, MEASURED);
  const widths = Array.from({ length: columnCount(sheet) }, (_, column) => {
    const name = (sheet.rows[0]!.cells[column] ?? "").length + 1;
    const longest = rows.reduce((most, { cells }) => Math.max(most, (cells[column] ?? "").length), name);
    return `${Math.min(Math.max(56, Math.round(longest * 7) + 20), 184)}px`;
  });
  return `${NUMBERS}px ${widths.join(" ")} 112px ${TRIAL}px`;
}

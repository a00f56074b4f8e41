/** A row of a registry. Its cells never change: an edited row is another object with the same id. */
export interface SheetRow {
  /** Stays when the row is edited or moved. */
  readonly id: number;
  readonly cells: readonly string[];
  /** Its text in the file, with its line end; absent once it was edited. */
  readonly source?: string;
}

/** A registry as rows of cells. The first row has the column names. A row that was not edited keeps its text as it is. */
export interface Sheet {
  readonly delimiter: string;
  readonly lineEnd: string;
  /** What the file has before the column names: `sep=;`, empty lines. */
  readonly before: string;
  /** Number of the row of column names, as a spreadsheet counts. */
  readonly firstNumber: number;
  readonly rows: readonly SheetRow[];
}

/** The cells of a text, as the bridge found them. */
export interface Grid {
  readonly delimiter: string;
  readonly headerLine: number;
  readonly columns: readonly { readonly name: string }[];
  readonly rows: readonly {
    readonly line: number;
    readonly lines: number;
    readonly cells: readonly string[];
  }[];
}

/** A rectangle of cells; both ends belong to it. */
export interface CellRange {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

let lastId = 0;

/** Returns the sheet of a text and the cells that the bridge found in it. */
export function sheetOf(text: string, grid: Grid): Sheet {
  const lines = linesWithEnds(text);
  const slice = (from: number, to: number): string => lines.slice(from - 1, to - 1).join("");
  const headerEnd = grid.rows[0]?.line ?? lines.length + 1;
  const names = grid.columns.map(({ name }) => name);
  return {
    delimiter: grid.delimiter,
    lineEnd: usualLineEnd(text),
    before: slice(1, grid.headerLine),
    firstNumber: grid.headerLine - (/^"?sep=/i.test(text) ? 1 : 0),
    rows: [
      { id: ++lastId, cells: names, source: slice(grid.headerLine, headerEnd) },
      ...grid.rows.map(({ line, lines: count, cells }) => ({
        id: ++lastId,
        cells,
        source: slice(line, line + count),
      })),
    ],
  };
}

function linesWithEnds(text: string): string[] {
  return text.match(/[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$/g) ?? [];
}

/** The line end that a text has most of. */
export function usualLineEnd(text: string): string {
  const windows = text.match(/\r\n/g)?.length ?? 0;
  const unix = (text.match(/\n/g)?.length ?? 0) - windows;
  const old = (text.match(/\r/g)?.length ?? 0) - windows;
  if (windows === 0 && unix === 0 && old === 0) return "\n";
  if (windows >= unix && windows >= old) return "\r\n";
  return unix >= old ? "\n" : "\r";
}

const texts = new WeakMap<Sheet, string>();

/** Returns the text of a sheet: rows that were not edited are as they were, byte for byte. */
export function sheetText(sheet: Sheet): string {
  const known = texts.get(sheet);
  if (known !== undefined) return known;
  const pieces = sheet.rows.map((row) => rowText(sheet, row));
  // Only the last line may lack its end.
  const last = pieces.length - 1;
  const text =
    sheet.before +
    pieces.map((piece, at) => (at < last && !/[\r\n]$/.test(piece) ? piece + sheet.lineEnd : piece)).join("");
  texts.set(sheet, text);
  return text;
}

/** Text of a row, with its line end where it has one. */
function rowText({ delimiter, lineEnd }: Sheet, { cells, source }: SheetRow): string {
  if (source !== undefined) return source;
  if (cells.every((cell) => cell === "")) return delimiter.repeat(Math.max(0, cells.length - 1)) + lineEnd;
  return cells.map((cell) => csvCell(cell, delimiter)).join(delimiter) + lineEnd;
}

/** A cell as CSV. The bridge trims cells that are not quoted, and those that are: a space at an end is not kept. */
export function csvCell(cell: string, delimiter: string): string {
  return cell.includes(delimiter) || /["\r\n]/.test(cell) || /^sep=/i.test(cell)
    ? `"${cell.replaceAll('"', '""')}"`
    : cell;
}

/** Returns the text of one row under the column names, e.g. to try it alone. */
export function rowAlone(sheet: Sheet, row: SheetRow): string {
  return sheetText({ ...sheet, rows: [sheet.rows[0]!, row] });
}

/** Returns, for each row, the number of its first line in the text. */
export function firstLines(sheet: Sheet): number[] {
  let line = 1 + lineEnds(sheet.before);
  return sheet.rows.map((row) => {
    const first = line;
    line += Math.max(1, lineEnds(rowText(sheet, row)));
    return first;
  });
}

function lineEnds(text: string): number {
  return text.match(/\r\n|\r|\n/g)?.length ?? 0;
}

const widths = new WeakMap<readonly SheetRow[], number>();

/** Number of columns: those that have a name, and further cells of rows. */
export function columnCount({ rows }: Sheet): number {
  const known = widths.get(rows);
  if (known !== undefined) return known;
  const count = rows.reduce((most, { cells }) => Math.max(most, cells.length), 1);
  widths.set(rows, count);
  return count;
}

export function cellAt({ rows }: Sheet, row: number, column: number): string {
  return rows[row]?.cells[column] ?? "";
}

/** Number of the row as a spreadsheet counts; problems name cells by it. */
export function rowNumber({ firstNumber }: Sheet, row: number): number {
  return firstNumber + row;
}

/** A to Z, then AA. */
export function columnLetters(index: number): string {
  const letter = String.fromCharCode(65 + (index % 26));
  return index < 26 ? letter : columnLetters(Math.floor(index / 26) - 1) + letter;
}

/** Changes to cells, each `[row, column, text]`. */
export type CellChange = readonly [row: number, column: number, text: string];

/** Returns the sheet with other cells; the same sheet where nothing differs. Rows that do not exist yet are made. */
export function setCells(sheet: Sheet, changes: Iterable<CellChange>): Sheet {
  const rows = [...sheet.rows];
  const edited = new Map<number, string[]>();
  for (const [row, column, text] of changes) {
    if ((edited.get(row) ?? rows[row]?.cells)?.[column] === text) continue;
    if (text === "" && column >= (edited.get(row) ?? rows[row]?.cells ?? []).length) continue;
    const cells = edited.get(row) ?? [...(rows[row]?.cells ?? [])];
    while (cells.length <= column) cells.push("");
    cells[column] = text;
    edited.set(row, cells);
  }
  if (edited.size === 0) return sheet;
  const width = sheet.rows[0]!.cells.length;
  for (const row of [...edited.keys()].sort((a, b) => a - b)) {
    while (rows.length < row) rows.push(emptyRow(width));
    const cells = edited.get(row)!;
    while (cells.length < width) cells.push("");
    rows[row] = { id: rows[row]?.id ?? ++lastId, cells };
  }
  return { ...sheet, rows };
}

function emptyRow(width: number): SheetRow {
  return { id: ++lastId, cells: Array.from({ length: width }, () => "") };
}

/** Inserts empty rows before a row; nothing comes before the column names. */
export function insertRows(sheet: Sheet, before: number, count = 1): Sheet {
  const at = Math.min(Math.max(1, before), sheet.rows.length);
  const width = sheet.rows[0]!.cells.length;
  const made = Array.from({ length: count }, () => emptyRow(width));
  return { ...sheet, rows: sheet.rows.toSpliced(at, 0, ...made) };
}

/** Inserts copies of rows below them. */
export function duplicateRows(sheet: Sheet, top: number, bottom: number): Sheet {
  const first = Math.max(1, top);
  if (bottom < first) return sheet;
  const copies = sheet.rows.slice(first, bottom + 1).map(({ cells }) => ({ id: ++lastId, cells }));
  return { ...sheet, rows: sheet.rows.toSpliced(bottom + 1, 0, ...copies) };
}

/** Deletes rows; the column names stay. */
export function deleteRows(sheet: Sheet, top: number, bottom: number): Sheet {
  const first = Math.max(1, top);
  return bottom < first ? sheet : { ...sheet, rows: sheet.rows.toSpliced(first, bottom - first + 1) };
}

/** Moves rows up (-1) or down (1); the same sheet where they are at the end already. */
export function moveRows(sheet: Sheet, top: number, bottom: number, way: -1 | 1): Sheet {
  if (top + way < 1 || bottom + way >= sheet.rows.length) return sheet;
  const moved = sheet.rows.slice(top, bottom + 1);
  const rows = sheet.rows.toSpliced(top, moved.length).toSpliced(top + way, 0, ...moved);
  return { ...sheet, rows };
}

/** Copies the first row of a range down to the others; of a single row, the cells above it. */
export function fillDown(sheet: Sheet, { top, left, bottom, right }: CellRange): Sheet {
  const from = top === bottom ? top - 1 : top;
  if (from < 0 || (from === 0 && top === bottom)) return sheet;
  const changes: CellChange[] = [];
  for (let row = from + 1; row <= bottom; row++)
    for (let column = left; column <= right; column++)
      changes.push([row, column, cellAt(sheet, from, column)]);
  return setCells(sheet, changes);
}

export function clearCells(sheet: Sheet, { top, left, bottom, right }: CellRange): Sheet {
  const changes: CellChange[] = [];
  for (let row = top; row <= bottom; row++)
    for (let column = left; column <= right; column++) changes.push([row, column, ""]);
  return setCells(sheet, changes);
}

export function cellsIn(sheet: Sheet, { top, left, bottom, right }: CellRange): string[][] {
  return sheet.rows
    .slice(top, bottom + 1)
    .map(({ cells }) => Array.from({ length: right - left + 1 }, (_, at) => cells[left + at] ?? ""));
}

/** A sheet after a paste, the cells that were filled, and the number of columns that did not fit. */
export interface Pasted {
  readonly sheet: Sheet;
  readonly range: CellRange;
  readonly clipped: number;
}

/**
 * Puts a block of cells at the begin of a range; rows are added where they do not suffice. A range that is a multiple of
 * the block is filled with copies of it, as in a spreadsheet.
 */
export function pasteCells(
  sheet: Sheet,
  { top, left, bottom, right }: CellRange,
  block: readonly (readonly string[])[],
): Pasted {
  const columns = columnCount(sheet);
  const height = block.length;
  const width = block.reduce((most, cells) => Math.max(most, cells.length), 0);
  const repeat = (room: number, size: number): number => (room % size === 0 ? room : size);
  const down = repeat(bottom - top + 1, height);
  const wanted = repeat(right - left + 1, width);
  const across = Math.min(wanted, columns - left);
  const changes: CellChange[] = [];
  for (let row = 0; row < down; row++)
    for (let column = 0; column < across; column++)
      changes.push([top + row, left + column, block[row % height]![column % width] ?? ""]);
  const pasted = setCells(sheet, changes);
  return {
    sheet: pasted,
    range: { top, left, bottom: Math.min(top + down, pasted.rows.length) - 1, right: left + across - 1 },
    clipped: wanted - across,
  };
}

/** Returns the next cell that contains a text, after a place and around the end; undefined where none does. */
export function findCell(
  { rows }: Sheet,
  text: string,
  from: { readonly row: number; readonly column: number },
  way: 1 | -1,
): { readonly row: number; readonly column: number } | undefined {
  const wanted = text.toLowerCase();
  if (wanted === "") return undefined;
  for (let step = 0; step <= rows.length; step++) {
    const row = (from.row + way * step + rows.length * 2) % rows.length;
    const cells = rows[row]!.cells;
    const found = cells.flatMap((cell, column) => {
      if (!cell.toLowerCase().includes(wanted)) return [];
      const isBeyond = way === 1 ? column > from.column : column < from.column;
      // In the row where the search began: first what is beyond the place, at the end the rest.
      if (step === 0 ? !isBeyond : step === rows.length && isBeyond) return [];
      return [column];
    });
    const column = way === 1 ? found[0] : found.at(-1);
    if (column !== undefined) return { row, column };
  }
  return undefined;
}

export function countCells({ rows }: Sheet, text: string): number {
  const wanted = text.toLowerCase();
  if (wanted === "") return 0;
  return rows.reduce(
    (sum, { cells }) => sum + cells.filter((cell) => cell.toLowerCase().includes(wanted)).length,
    0,
  );
}

/** Distance to the end of a block of filled cells, or to the next filled cell, as Ctrl with an arrow goes in a spreadsheet. */
export function edgeOf(sheet: Sheet, row: number, column: number, way: 1 | -1): number {
  const isFilled = (at: number): boolean => cellAt(sheet, at, column) !== "";
  const isInside = (at: number): boolean => at >= 0 && at < sheet.rows.length;
  let at = row + way;
  const wanted = isFilled(row) && isFilled(at);
  while (isInside(at + (wanted ? way : 0)) && isFilled(wanted ? at + way : at) === wanted) at += way;
  return Math.min(Math.max(0, at), sheet.rows.length - 1) - row;
}

/** Returns cells as spreadsheets put them on the clipboard: tabs between cells, quotes where a cell needs them. */
export function formatCells(cells: readonly (readonly string[])[]): string {
  return cells.map((row) => row.map(quoted).join("\t")).join("\r\n");
}

function quoted(cell: string): string {
  return /[\t\r\n]/.test(cell) || cell.startsWith('"') ? `"${cell.replaceAll('"', '""')}"` : cell;
}

/**
 * Reads cells from the clipboard, as Excel and LibreOffice put them there: tabs, CRLF, quotes around cells with line ends.
 * A last line end is no row. `delimiter` and `columns` of the sheet: lines of CSV with as many cells are cells too.
 */
export function parseCells(text: string, delimiter: string, columns: number): string[][] {
  const byTab = readCells(text, "\t");
  if (byTab.every(({ length }) => length === 1) && delimiter !== "\t" && columns > 1) {
    const byDelimiter = readCells(text, delimiter);
    if (byDelimiter.every(({ length }) => length === columns)) return byDelimiter;
  }
  return byTab;
}

function readCells(text: string, delimiter: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = 0;
  while (at < text.length) {
    const { cell, end } = cellFrom(text, at, delimiter);
    row.push(cell);
    at = end;
    if (text[at] === delimiter) {
      at++;
      // Nothing follows the last delimiter: an empty cell does.
      if (at < text.length) continue;
      row.push("");
    }
    rows.push(row);
    row = [];
    at += text.startsWith("\r\n", at) ? 2 : 1;
  }
  return rows.length === 0 ? [[""]] : rows;
}

/** Reads a cell; `end`: index of the delimiter or line end after it. */
function cellFrom(text: string, start: number, delimiter: string): { cell: string; end: number } {
  if (text[start] === '"') {
    const close = /"((?:[^"]|"")*)"/y;
    close.lastIndex = start;
    const found = close.exec(text);
    const next = text[close.lastIndex];
    // A quote that is not closed before the end of a cell is a character like any other.
    if (found && (next === undefined || next === delimiter || next === "\r" || next === "\n"))
      return { cell: withUnixEnds(found[1]!.replaceAll('""', '"')), end: close.lastIndex };
  }
  let end = start;
  while (end < text.length && text[end] !== delimiter && text[end] !== "\r" && text[end] !== "\n") end++;
  return { cell: text.slice(start, end).trim(), end };
}

function withUnixEnds(cell: string): string {
  return cell.replaceAll(/\r\n|\r/g, "\n").trim();
}

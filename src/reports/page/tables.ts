import type { Cell } from "../field.ts";
import type { Sheet, SheetColumn } from "../sheets.ts";
import { figure, percentage, timeText } from "./figures.ts";
import { html, type Markup } from "./markup.ts";

/** Returns a sheet as a table of at most `most` rows. `lastIsTotal`: the last row is a sum. */
export function table({ columns, rows }: Sheet, most: number, lastIsTotal = false): Markup {
  const numeric = columns.map((_, at) => rows.length > 0 && rows.every((row) => isNumber(row[at]!)));
  const head = columns.map(
    ({ title }, at) => html`<th scope="col"${numeric[at] ? html` class="number"` : html``}>${title}</th>`,
  );
  const total = lastIsTotal ? rows.at(-1) : undefined;
  const body = total ? rows.slice(0, -1) : rows;
  const lines = body.slice(0, most).map(
    (row) => html`<tr>${line(row, columns, numeric)}</tr>
`,
  );
  const more =
    body.length > most
      ? html`<p class="note">The first ${most} of ${figure(body.length)}; all of them are in the workbook.</p>`
      : html``;
  const foot = total ? html`<tr class="total">${line(total, columns, numeric)}</tr>` : html``;
  return html`<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>
${lines}${foot}</tbody></table></div>${more}`;
}

function line(row: readonly Cell[], columns: readonly SheetColumn[], numeric: readonly boolean[]): Markup[] {
  return row.map((cell, at) => {
    const kind = numeric[at] ? "number" : cell instanceof Date ? "time" : "";
    return html`<td${kind ? html` class="${kind}"` : html``}>${cellText(cell, columns[at]!)}</td>`;
  });
}

function cellText(cell: Cell, { format }: SheetColumn): string {
  if (cell === null) return "–";
  if (cell instanceof Date) return format === "day" ? cell.toISOString().slice(0, 10) : timeText(cell);
  if (typeof cell === "number") return format === "share" ? percentage(cell) : figure(cell);
  return String(cell);
}

function isNumber(cell: Cell): boolean {
  return cell === null || typeof cell === "number";
}

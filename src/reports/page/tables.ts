import type { Zone } from "../../time/zone.ts";
import type { Cell } from "../field.ts";
import { cellText, figure } from "../figures.ts";
import type { Sheet, SheetColumn } from "../sheets.ts";
import { html, type Markup } from "./markup.ts";

export interface TableOptions {
  readonly zone: Zone;
  /** Maximum number of rows. Default: all. */
  readonly most?: number;
  /** Whether the last row is a sum. */
  readonly lastIsTotal?: boolean;
  /** On a phone, whether the table scrolls beside its first column, instead of showing each row as a card. */
  readonly scrolls?: boolean;
}

/** Returns a sheet as a table. */
export function table(
  sheet: Sheet,
  { zone, most = Number.POSITIVE_INFINITY, lastIsTotal = false, scrolls = false }: TableOptions,
): Markup {
  const { columns, rows } = sheet;
  const numeric = columns.map((_, at) => rows.length > 0 && rows.every((row) => isNumber(row[at]!)));
  const head = columns.map(
    (column, at) =>
      html`<th scope="col"${numeric[at] ? html` class="number"` : html``}>${headingOf(column)}</th>`,
  );
  const cells = (row: readonly Cell[]) => line(row, columns, numeric, zone);
  const total = lastIsTotal ? rows.at(-1) : undefined;
  const body = total ? rows.slice(0, -1) : rows;
  const lines = body.slice(0, most).map(
    (row) => html`<tr>${cells(row)}</tr>
`,
  );
  const more =
    body.length > most
      ? html`<p class="note">The first ${most} of ${figure(body.length)}; all of them are in the workbook.</p>`
      : html``;
  const foot = total ? html`<tr class="total">${cells(total)}</tr>` : html``;
  const content = html`<table class="${scrolls ? "" : "cards-on-phone"}"><thead><tr>${head}</tr></thead><tbody>
${lines}${foot}</tbody></table>`;
  // A region that scrolls can be reached by the keyboard.
  return scrolls
    ? html`<div class="scroll" role="region" tabindex="0" aria-label="${sheet.heading ?? sheet.name}">${content}</div>${more}`
    : html`${content}${more}`;
}

function line(
  row: readonly Cell[],
  columns: readonly SheetColumn[],
  numeric: readonly boolean[],
  zone: Zone,
): Markup[] {
  return row.map((cell, at) => {
    const kind = numeric[at] ? "number" : cell instanceof Date ? "time" : "";
    const column = columns[at]!;
    return html`<td${kind ? html` class="${kind}"` : html``} data-label="${headingOf(column)}">${cellText(cell, column.format, zone)}</td>`;
  });
}

function headingOf({ title, heading = title }: SheetColumn): string {
  return heading;
}

function isNumber(cell: Cell): boolean {
  return cell === null || typeof cell === "number";
}

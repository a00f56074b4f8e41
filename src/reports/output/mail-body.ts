import { cellText, periodText } from "../figures.ts";
import type { FleetReport } from "../fleet-report.ts";
import { html, type Markup } from "../page/markup.ts";
import { figureText, type SummaryTable, summaryOf } from "../summary.ts";
import { cleanText } from "../text.ts";

/** A mail about a report: its summary as text, and as HTML that mail programs show without a style sheet. */
export interface ReportMail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** Returns the mail. `name`: of the installation, to tell the reports of several from one another. */
export function reportMail(report: FleetReport, name: string): ReportMail {
  const { title, lines, figures, tables } = summaryOf(report);
  const { period } = report.options;
  const { zone } = period;
  const rowsOf = ({ columns, rows }: SummaryTable) =>
    rows.map((row) => row.map((cell, at) => cellText(cell, columns[at]!.format, zone).replace(/\s+/g, " ")));
  const text = [
    ...[title, ...lines, ""],
    ...figures.map((figure) => {
      const note = figure.note === undefined ? "" : ` (${figure.note})`;
      return `${figure.label}: ${figureText(figure, report)}${note}`;
    }),
    ...tables.flatMap((table) => {
      const [, ...headings] = table.columns.map((column) => column.title);
      return [
        ...["", table.heading ?? table.name],
        ...rowsOf(table).map(
          ([label, ...values]) =>
            `  ${label}: ${values.map((value, at) => `${headings[at]} ${value}`).join("; ")}`,
        ),
      ];
    }),
  ];
  const body = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${title}</title></head>
<body style="margin:0;padding:16px;font:15px/1.45 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif">
<h1 style="font-size:20px;margin:0 0 4px">${title}</h1>
${lines.map((line) => html`<p style="margin:0">${line}</p>`)}
<table style="border-collapse:collapse;margin:16px 0">${figures.map(
    (figure) =>
      html`<tr><td style="${CELL}">${figure.label}</td><td style="${CELL};text-align:right"><b>${figureText(figure, report)}</b></td><td style="${CELL};font-size:13px">${figure.note ?? ""}</td></tr>
`,
  )}</table>
${tables.map((table) => tablePart(table, rowsOf(table)))}
</body></html>
`;
  return {
    subject: cleanText(`${title}: ${name}, ${periodText(period)}`).replace(/\s+/g, " "),
    text: `${text.join("\n")}\n`,
    html: body.text,
  };
}

const CELL = "padding:3px 14px 3px 0;vertical-align:top";

function tablePart({ heading = "", columns }: SummaryTable, rows: readonly string[][]): Markup {
  const aligned = (at: number) => (at === 0 ? CELL : `${CELL};text-align:right`);
  return html`<h2 style="font-size:16px;margin:18px 0 4px">${heading}</h2><table style="border-collapse:collapse">
<tr>${columns.map((column, at) => html`<th scope="col" style="${aligned(at)};${at === 0 ? "text-align:left" : ""}">${column.title}</th>`)}</tr>
${rows.map(
  (row) => html`<tr>${row.map((cell, at) => html`<td style="${aligned(at)}">${cell}</td>`)}</tr>
`,
)}</table>
`;
}

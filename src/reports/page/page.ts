import type { Zone } from "../../time/zone.ts";
import type { ColumnCount } from "../counts.ts";
import type { Cell } from "../field.ts";
import { energyText, figure, localDate, percentage, periodText, timeText } from "../figures.ts";
import type { DayUsage } from "../fleet-data.ts";
import type { FleetReport } from "../fleet-report.ts";
import { EMPTY, headingOf, type Sheet } from "../sheets.ts";
import { figureText, type Summary, summaryOf } from "../summary.ts";
import { cleanText } from "../text.ts";
import { sum } from "../usage.ts";
import { type Bar, bars, columns, type Series, stackedBars, WIDE_LABELS } from "./charts.ts";
import { html, Markup } from "./markup.ts";
import { STYLE } from "./style.ts";
import { table } from "./tables.ts";

/** Maximum number of bars in a chart, and of rows in a table. */
const MAX_BARS = 12;
const MAX_ROWS = 60;

/** Returns the report as one self-contained HTML file without scripts. */
export function page(report: FleetReport, sheets: readonly Sheet[]): string {
  const summary = summaryOf(report);
  const { zone } = report.options.period;
  const sheet = (name: string) => sheets.find((one) => one.name === name);
  const document = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${summary.title}, ${periodText(report.options.period)}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<main>
<h1>${summary.title}</h1>
<p class="soft">${summary.lines.join(" · ")}</p>
<dl class="tiles">${tiles(report, summary)}</dl>
<div class="cards">
${statusCard(report, sheet("Status Pivot"))}
${energyCards(report)}
${stationCards(summary, zone)}
${report.counts.filter(({ column }) => !["modelInfo", "state"].includes(column)).map((count) => countCard(count, report))}
${utilisationCard(report)}
${alarmCard(report, sheet("Alarms"))}
${unseenCard(report, sheet("Not seen lately"))}
</div>
<footer>Made by voltbridge. Times are in ${zone.name}. Sessions and their energy belong to the day and hour of their start.</footer>
</main>
</body>
</html>
`;
  return document.text;
}

function tiles(report: FleetReport, { figures }: Summary): Markup[] {
  return figures.map((one) => {
    const isEnergy = one.format === "kWh" && typeof one.value === "number";
    const label = isEnergy ? one.label.replace(" (kWh)", "") : one.label;
    const value = isEnergy ? energyText(one.value as number) : figureText(one, report);
    const note = one.note === undefined ? html`` : html`<dd>${one.note}</dd>`;
    return html`<div class="tile"><dt>${label}</dt><dd class="figure">${value}</dd>${note}</div>
`;
  });
}

const TONES: Readonly<Record<string, string>> = {
  operational: "tone-1",
  "partly operational": "tone-2",
  "non-operational": "tone-3",
  planned: "tone-4",
  [EMPTY]: "tone-0",
};
/** Returns the position of a state: known ones in their order, then others, then empty. */
function rank(state: string): number {
  const names = Object.keys(TONES);
  const place = names.indexOf(state);
  return place < 0 ? names.length - 1.5 : place;
}

const OTHER_TONES = ["tone-5", "tone-6", "tone-2", "tone-4", "tone-3", "tone-0"];

function statusCard({ pivot, options }: FleetReport, sheet: Sheet | undefined): Markup {
  if (pivot.models.length === 0 || !sheet) return html``;
  const { zone } = options.period;
  let others = 0;
  // From good to bad, in bars and legend.
  const places = pivot.states
    .map((_, at) => at)
    .sort((a, b) => rank(label(pivot.states[a]!, zone)) - rank(label(pivot.states[b]!, zone)));
  const series: Series[] = places.map((at) => {
    const name = label(pivot.states[at]!, zone);
    const known = Object.hasOwn(TONES, name) ? TONES[name] : undefined;
    return { name, tone: known ?? OTHER_TONES[others++ % OTHER_TONES.length]! };
  });
  const all = pivot.models
    .map((model, at) => ({
      label: label(model, zone),
      values: places.map((place) => pivot.counts[at]![place]!),
    }))
    .sort((a, b) => sum(b.values, (one) => one) - sum(a.values, (one) => one));
  const shown = all.slice(0, MAX_BARS);
  const rest = all.slice(MAX_BARS);
  if (rest.length > 0) {
    const values = places.map((_, at) => sum(rest, (row) => row.values[at]!));
    shown.push({ label: `${rest.length} more models`, values });
  }
  const isTotal = sheet.rows.length > pivot.models.length;
  return card(
    "Models and states",
    "Stations by model, and whether they can be used.",
    html`${stackedBars("Stations by model and state", series, shown)}${table(sheet, { zone: options.period.zone, most: MAX_ROWS, lastIsTotal: isTotal, scrolls: true })}`,
    "wide long",
  );
}

function energyCards({ days, months, hours }: FleetReport): Markup {
  if (!days || !months || !hours || days.length === 0) return html``;
  const perDay = (of: (day: DayUsage) => number): Bar[] =>
    days.map((day) => ({
      label: day.day.slice(5),
      value: of(day),
      text: `${figure(day.energyKwh)} kWh, ${figure(day.sessions)} sessions`,
    }));
  const perHour = hours.map(
    ({ hour, sessions }): Bar => ({ label: String(hour).padStart(2, "0"), value: sessions }),
  );
  const perMonth = months.map(({ month, energyKwh }): Bar => ({ label: month, value: energyKwh }));
  const energy = { unit: "kWh", mostLabels: WIDE_LABELS };
  const sessions = { unit: "sessions", tone: "tone-5" };
  const ofDays = perDay(({ energyKwh }) => energyKwh);
  return html`${card("Energy per day", "kWh", columns("Energy per day, kWh", ofDays, energy), "wide")}
${months.length < 3 ? html`` : card("Energy per month", "kWh", columns("Energy per month, kWh", perMonth, energy), "wide")}
${card(
  "Sessions per day",
  "Sessions that began on the day.",
  columns(
    "Sessions per day",
    perDay((day) => day.sessions),
    sessions,
  ),
)}
${card("Sessions by hour", "Sessions that began in the hour.", columns("Sessions by hour of the day", perHour, sessions))}`;
}

function stationCards({ tables }: Summary, zone: Zone): Markup {
  return html`${tables
    .filter(({ name }) => name === "most used" || name === "least used")
    .map((sheet) => card(sheet.heading!, "By energy in the period.", table(sheet, { zone })))}`;
}

/** Returns a card that counts times by year and other columns by value. */
function countCard({ column, values }: ColumnCount, { values: stations, options }: FleetReport): Markup {
  const name = cleanText(headingOf(column));
  const { zone } = options.period;
  const dates = values.filter(({ value }) => value instanceof Date);
  if (dates.length > 0 && dates.length >= values.length - 2) {
    const years = Map.groupBy(dates, ({ value }) => localDate(value as Date, zone).getUTCFullYear());
    const counts = [...years].sort(([a], [b]) => a - b);
    const perYear = counts.map(([year, of]) => ({
      label: String(year),
      value: sum(of, ({ count }) => count),
    }));
    const withDate = sum(dates, ({ count }) => count);
    return card(
      name,
      withDate === stations.length
        ? "Stations by year."
        : `Stations by year; ${figure(stations.length - withDate)} have none.`,
      columns(`Stations by ${name}`, perYear, { unit: "stations" }),
    );
  }
  const shown = values
    .slice(0, MAX_BARS)
    .map(({ value, count }) => ({ label: label(value, zone), value: count }));
  const more =
    values.length > MAX_BARS
      ? `The ${MAX_BARS} most frequent of ${figure(values.length)} values.`
      : "Stations by value.";
  return card(name, more, bars(`Stations by ${name}`, shown));
}

function utilisationCard({ utilisation, names }: FleetReport): Markup {
  if (!utilisation || utilisation.length === 0) return html``;
  const shown = utilisation.slice(0, MAX_BARS).map(
    ({ stationID, port, share }): Bar => ({
      label: `${cleanText(names.get(stationID) ?? stationID)}${port === null ? "" : ` · ${cleanText(port)}`}`,
      value: share,
      text: percentage(share),
    }),
  );
  const idle = utilisation.filter(
    ({ sessions, inUseSeconds }) => sessions === 0 && inUseSeconds === 0,
  ).length;
  return card(
    "Most used ports",
    `Share of time with a vehicle connected. ${figure(idle)} of ${figure(utilisation.length)} ports had no session.`,
    bars("Most used ports, share of time", shown, "tone-5"),
  );
}

function alarmCard({ alarms, options }: FleetReport, newest: Sheet | undefined): Markup {
  if (!alarms || !newest || alarms.byType.length === 0) return html``;
  const types = alarms.byType
    .filter(({ isEnding }) => !isEnding)
    .slice(0, MAX_BARS)
    .map(({ type, count }) => ({ label: cleanText(type), value: count }));
  return html`${card("Alarms by type", "Alarms of the period.", bars("Alarms by type", types, "tone-3"))}
${card("Newest alarms", `Times are in ${options.period.zone.name}.`, table(newest, { zone: options.period.zone, most: 15 }), "wide")}`;
}

function unseenCard({ unseen, options }: FleetReport, sheet: Sheet | undefined): Markup {
  if (!unseen || !sheet || unseen.length === 0) return html``;
  return card(
    "Not seen lately",
    `Stations that their network does not reach, or that nothing was heard of for ${figure(options.unseenDays)} days.`,
    table(sheet, { zone: options.period.zone, most: MAX_ROWS }),
    "wide long",
  );
}

function card(title: string, note: string, content: Markup, kind = ""): Markup {
  return html`<section class="${kind}"><h2>${title}</h2><p class="note">${note}</p>${content}</section>
`;
}

function label(cell: Cell, zone: Zone): string {
  if (cell === null || cell === "") return EMPTY;
  return cleanText(cell instanceof Date ? timeText(cell, zone) : String(cell));
}

import type { ColumnCount } from "../counts.ts";
import type { Cell } from "../field.ts";
import type { FleetReport } from "../fleet-report.ts";
import { EMPTY, type Sheet } from "../sheets.ts";
import { cleanText } from "../text.ts";
import { sum } from "../usage.ts";
import { type Bar, bars, columns, NARROW, type Series, stackedBars, WIDE } from "./charts.ts";
import { dayText, energyText, figure, percentage, timeText } from "./figures.ts";
import { html, Markup } from "./markup.ts";
import { STYLE } from "./style.ts";
import { table } from "./tables.ts";

/** Maximum number of bars in a chart, and of rows in a table. */
const MAX_BARS = 12;
const MAX_ROWS = 60;

/** Returns the report as one self-contained HTML file without scripts. */
export function page(report: FleetReport, sheets: readonly Sheet[]): string {
  const { options } = report;
  const sheet = (name: string) => sheets.find((one) => one.name === name);
  const document = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Fleet report, ${dayText(options.now)}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<main>
<h1>Fleet report</h1>
<p class="soft">${dayText(options.period.from)} to ${dayText(options.period.to)} · ${cleanText(options.source)} · made ${timeText(options.now)} UTC</p>
<div class="tiles">${tiles(report)}</div>
<div class="cards">
${statusCard(report, sheet("Status Pivot"))}
${energyCards(report)}
${report.counts.filter(({ column }) => !["modelInfo", "state"].includes(column)).map((count) => countCard(count, report))}
${utilisationCard(report)}
${alarmCard(report, sheet("Alarms"))}
${unseenCard(report, sheet("Not seen lately"))}
</div>
<footer>Made by voltbridge. Days and months are of UTC. Sessions and their energy belong to the day of their start.</footer>
</main>
</body>
</html>
`;
  return document.text;
}

function tiles(report: FleetReport): Markup[] {
  const { values, pivot, utilisation, days, alarms, unseen } = report;
  const tile = (value: string, label: string) =>
    html`<div class="tile"><b>${value}</b><span>${label}</span></div>`;
  const all = sum(pivot.counts, (row) => sum(row, (one) => one));
  const operational = sum(pivot.counts, (row) => row[pivot.states.indexOf("operational")] ?? 0);
  return [
    tile(figure(values.length), "stations"),
    ...(all > 0 && pivot.states.includes("operational")
      ? [tile(percentage(operational / all), `operational (${figure(operational)})`)]
      : []),
    ...(days
      ? [
          tile(figure(sum(days, ({ sessions }) => sessions)), "sessions"),
          tile(energyText(sum(days, ({ energyKwh }) => energyKwh)), "energy"),
        ]
      : []),
    ...(utilisation && utilisation.length > 0
      ? [
          tile(
            percentage(
              sum(utilisation, ({ inUseSeconds }) => inUseSeconds) /
                Math.max(
                  1,
                  sum(utilisation, ({ periodSeconds }) => periodSeconds),
                ),
            ),
            `of the time of ${figure(utilisation.length)} ports in use`,
          ),
        ]
      : []),
    ...(alarms ? [tile(figure(sum(alarms.byType, ({ count }) => count)), "alarms")] : []),
    ...(unseen ? [tile(figure(unseen.length), "stations not seen lately")] : []),
  ];
}

const TONES: Readonly<Record<string, string>> = {
  operational: "tone-1",
  "partly operational": "tone-2",
  "non-operational": "tone-3",
  planned: "tone-4",
  [EMPTY]: "tone-0",
};
/** Returns the position of a state: known ones in their order, then others, then empty. */
function rank(state: Cell): number {
  const names = Object.keys(TONES);
  const place = names.indexOf(label(state));
  return place < 0 ? names.length - 1.5 : place;
}

const OTHER_TONES = ["tone-5", "tone-6", "tone-2", "tone-4", "tone-3", "tone-0"];

function statusCard({ pivot }: FleetReport, sheet: Sheet | undefined): Markup {
  if (pivot.models.length === 0 || !sheet) return html``;
  let others = 0;
  // From good to bad, in bars and legend.
  const places = pivot.states
    .map((_, at) => at)
    .sort((a, b) => rank(pivot.states[a]!) - rank(pivot.states[b]!));
  const series: Series[] = places.map((at) => {
    const name = label(pivot.states[at]!);
    const known = Object.hasOwn(TONES, name) ? TONES[name] : undefined;
    return { name, tone: known ?? OTHER_TONES[others++ % OTHER_TONES.length]! };
  });
  const all = pivot.models
    .map((model, at) => ({ label: label(model), values: places.map((place) => pivot.counts[at]![place]!) }))
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
    html`${stackedBars("Stations by model and state", series, shown)}<br>${table(sheet, MAX_ROWS, isTotal)}`,
    "wide",
  );
}

function energyCards({ days, months }: FleetReport): Markup {
  if (!days || !months || days.length === 0) return html``;
  const perDay = days.map(
    ({ day, energyKwh, sessions }): Bar => ({
      label: day.slice(5),
      value: energyKwh,
      text: `${figure(energyKwh)} kWh, ${figure(sessions)} sessions`,
    }),
  );
  const perMonth = months.map(({ month, energyKwh }): Bar => ({ label: month, value: energyKwh }));
  const daily = card("Energy per day", "kWh", columns("Energy per day, kWh", perDay, "kWh", WIDE), "wide");
  if (months.length < 3) return daily;
  return html`${daily}${card("Energy per month", "kWh", columns("Energy per month, kWh", perMonth, "kWh", WIDE), "wide")}`;
}

/** Returns a card that counts times by year and other columns by value. */
function countCard({ column, values }: ColumnCount, { values: stations }: FleetReport): Markup {
  const name = cleanText(column);
  const dates = values.filter(({ value }) => value instanceof Date);
  if (dates.length > 0 && dates.length >= values.length - 2) {
    const years = Map.groupBy(dates, ({ value }) => (value as Date).getUTCFullYear());
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
        : `Stations by year; ${figure(stations.length - withDate)} tell none.`,
      columns(`Stations by ${name}`, perYear, "stations", NARROW),
    );
  }
  const shown = values.slice(0, MAX_BARS).map(({ value, count }) => ({ label: label(value), value: count }));
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

function alarmCard({ alarms }: FleetReport, newest: Sheet | undefined): Markup {
  if (!alarms || !newest || alarms.byType.length === 0) return html``;
  const types = alarms.byType
    .slice(0, MAX_BARS)
    .map(({ type, count }) => ({ label: cleanText(type), value: count }));
  return html`${card("Alarms by type", "Alarms of the period.", bars("Alarms by type", types, "tone-3"))}
${card("Newest alarms", "Times are UTC.", table(newest, 15), "wide")}`;
}

function unseenCard({ unseen, options }: FleetReport, sheet: Sheet | undefined): Markup {
  if (!unseen || !sheet || unseen.length === 0) return html``;
  return card(
    "Not seen lately",
    `Stations that their network does not reach, or that nothing was heard of for ${figure(options.unseenDays)} days.`,
    table(sheet, MAX_ROWS),
    "wide long",
  );
}

function card(title: string, note: string, content: Markup, kind = ""): Markup {
  return html`<section class="${kind}"><h2>${title}</h2><p class="note">${note}</p>${content}</section>
`;
}

function label(cell: Cell): string {
  if (cell === null || cell === "") return EMPTY;
  return cleanText(cell instanceof Date ? timeText(cell) : String(cell));
}

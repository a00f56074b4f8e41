import type { ColumnCount } from "./counts.ts";
import type { Cell } from "./field.ts";
import type { FleetReport } from "./fleet-report.ts";
import { cleanText } from "./text.ts";
import { daysOf, sum } from "./usage.ts";

/**
 * Format of a column's numbers and times. `day`: a calendar day, as midnight UTC. `time`: an instant, shown to the minute in the
 * report's zone.
 */
export type Format = "day" | "time" | "share" | "count" | "mean" | "hours" | "kWh" | "money";

export interface SheetColumn {
  /** For programs: JSON and CSV. Not changed, because others parse it. */
  readonly title: string;
  /** For people: the workbook and the page. Default: the title. */
  readonly heading?: string;
  readonly format?: Format;
}

/** A table with a name, which is any text; output formats convert it. `name` and `heading` are as those of a column. */
export interface Sheet {
  readonly name: string;
  readonly heading?: string;
  readonly columns: readonly SheetColumn[];
  readonly rows: readonly (readonly Cell[])[];
}

const STATION: readonly SheetColumn[] = [
  { title: "station", heading: "Station ID" },
  { title: "name", heading: "Station" },
];
const PORT: SheetColumn = { title: "port", heading: "Port" };
const SESSIONS: SheetColumn = { title: "sessions", heading: "Sessions", format: "count" };
const ENERGY: SheetColumn = { title: "energy (kWh)", heading: "Energy (kWh)", format: "kWh" };
const CHARGING: SheetColumn = { title: "charging (h)", heading: "Charging (h)", format: "hours" };
const AMOUNTS: readonly SheetColumn[] = [SESSIONS, ENERGY, CHARGING];

/** Placeholder for a missing value. */
export const EMPTY = "(empty)";
export const TOTAL = "Total";

/** Returns the sheets of a report, in order. */
export function sheetsOf(report: FleetReport): Sheet[] {
  const sheets = report.options.parity
    ? [parityValues(report), ...parityCounts(report), parityPivot(report)]
    : [
        values(report),
        ...counts(report),
        pivot(report),
        ...utilisation(report),
        ...energy(report),
        ...alarms(report),
        ...unseen(report),
        ...hours(report),
        ...revenue(report),
      ];
  return sheets.map(clean);
}

function values(report: FleetReport): Sheet {
  return {
    name: "values",
    heading: "Stations",
    columns: [...STATION, ...valueColumns(report).map(headed)],
    rows: report.values.map(({ id, name, cells }) => [id, name, ...cells]),
  };
}

function counts({ counts, values: stations }: FleetReport): Sheet[] {
  return counts.map((counted) => ({
    name: `${counted.column}_count`,
    heading: `By ${headingOf(counted.column).toLowerCase()}`,
    columns: [
      headed(countedColumn(counted)),
      { title: "count", heading: "Stations", format: "count" },
      { title: "share", heading: "Share", format: "share" },
    ],
    rows: counted.values.map(({ value, count }) => [value ?? EMPTY, count, count / stations.length]),
  }));
}

function pivot({ pivot: { models, states, counts } }: FleetReport): Sheet {
  const title = (cell: Cell) => (cell === null ? EMPTY : String(cell));
  const totals = states.map((_, at) => sum(counts, (row) => row[at]!));
  return {
    name: "Status Pivot",
    heading: "Models and states",
    columns: [
      headed({ title: "modelInfo" }),
      ...states.map((state) => ({
        title: title(state),
        heading: capitalised(title(state)),
        format: "count" as const,
      })),
      { title: TOTAL, format: "count" },
    ],
    rows: [
      ...models.map((model, at) => [model ?? EMPTY, ...counts[at]!, sum(counts[at]!, (one) => one)]),
      [TOTAL, ...totals, sum(totals, (one) => one)],
    ],
  };
}

/** As pandas writes a frame: the row number first, without a title. */
function parityValues(report: FleetReport): Sheet {
  return {
    name: "values",
    columns: [{ title: "" }, ...valueColumns(report)],
    rows: report.values.map(({ cells }, row) => [row, ...cells.map(blank)]),
  };
}

function parityCounts({ counts }: FleetReport): Sheet[] {
  return counts.map((counted) => ({
    name: `${counted.column}_count`,
    columns: [countedColumn(counted), { title: "count" }],
    rows: counted.values.map(({ value, count }) => [blank(value), count]),
  }));
}

function parityPivot({ pivot: { models, states, counts } }: FleetReport): Sheet {
  return {
    name: "Status Pivot",
    columns: [{ title: "modelInfo" }, ...states.map((state) => ({ title: String(state) }))],
    rows: models.map((model, at) => [blank(model), ...counts[at]!]),
  };
}

function utilisation({ utilisation, names }: FleetReport): Sheet[] {
  if (!utilisation) return [];
  return [
    {
      name: "Utilisation",
      columns: [
        ...STATION,
        PORT,
        SESSIONS,
        ENERGY,
        { title: "in use (h)", heading: "In use (h)", format: "hours" },
        CHARGING,
        { title: "period (h)", heading: "Period (h)", format: "hours" },
        { title: "share of time", heading: "Time in use", format: "share" },
      ],
      rows: utilisation.map((port) => [
        ...named(names, port.stationID, port.port),
        port.sessions,
        port.energyKwh,
        hoursOf(port.inUseSeconds),
        hoursOf(port.chargingSeconds),
        hoursOf(port.periodSeconds),
        port.share,
      ]),
    },
  ];
}

function energy({ days, months }: FleetReport): Sheet[] {
  if (!days || !months) return [];
  return [
    {
      name: "Energy per day",
      columns: [{ title: "day", heading: "Day", format: "day" }, ...AMOUNTS],
      rows: days.map(({ day, sessions, energyKwh, chargingSeconds }) => [
        new Date(`${day}T00:00:00Z`),
        sessions,
        energyKwh,
        hoursOf(chargingSeconds),
      ]),
    },
    {
      name: "Energy per month",
      columns: [{ title: "month", heading: "Month" }, ...AMOUNTS],
      rows: months.map(({ month, sessions, energyKwh, chargingSeconds }) => [
        month,
        sessions,
        energyKwh,
        hoursOf(chargingSeconds),
      ]),
    },
  ];
}

/** Sessions by the hour of the day in which they began. */
function hours({ hours: ofDay, options }: FleetReport): Sheet[] {
  if (!ofDay) return [];
  return [
    {
      name: "Sessions by hour",
      columns: [
        { title: "hour", heading: "Hour of day" },
        ...AMOUNTS,
        { title: "sessions per day", heading: "Sessions per day", format: "mean" },
      ],
      rows: ofDay.map(({ hour, sessions, energyKwh, chargingSeconds }) => [
        `${String(hour).padStart(2, "0")}:00`,
        sessions,
        energyKwh,
        hoursOf(chargingSeconds),
        sessions / daysOf(options.period),
      ]),
    },
  ];
}

function revenue({ revenue: byCurrency }: FleetReport): Sheet[] {
  if (!byCurrency) return [];
  return [
    {
      name: "Revenue",
      columns: [
        { title: "currency", heading: "Currency" },
        { title: "payments", heading: "Payments", format: "count" },
        { title: "gross", heading: "Paid by drivers", format: "money" },
        { title: "net", heading: "Paid to the organisation", format: "money" },
      ],
      rows: byCurrency.map(({ currency, payments, gross, net }) => [currency, payments, gross, net]),
    },
  ];
}

function alarms({ alarms, names, options }: FleetReport): Sheet[] {
  if (!alarms) return [];
  return [
    {
      name: "Alarms by type",
      columns: [
        { title: "type", heading: "Alarm" },
        { title: "count", heading: "Alarms", format: "count" },
        { title: "stations", heading: "Stations", format: "count" },
        timed("latest (UTC)", "Latest", options),
      ],
      rows: alarms.byType.map(({ type, count, stations, latest }) => [type, count, stations, latest]),
    },
    {
      name: "Alarms",
      columns: [timed("time (UTC)", "Time", options), ...STATION, PORT, { title: "type", heading: "Alarm" }],
      rows: alarms.newest.map(({ at, stationID, port, type }) => [
        at,
        ...named(names, stationID, port),
        type,
      ]),
    },
  ];
}

function unseen({ unseen, names, options }: FleetReport): Sheet[] {
  if (!unseen) return [];
  const now = options.now.getTime();
  return [
    {
      name: "Not seen lately",
      columns: [
        ...STATION,
        { title: "reason", heading: "Reason" },
        timed("last seen (UTC)", "Last seen", options),
        { title: "days ago", heading: "Days ago", format: "count" },
      ],
      rows: unseen.map(({ stationID, reason, lastSeen }) => [
        stationID,
        names.get(stationID) ?? null,
        reason,
        lastSeen,
        lastSeen && Math.floor((now - lastSeen.getTime()) / 86_400_000),
      ]),
    },
  ];
}

function named(names: ReadonlyMap<string, string>, stationID: string, port: string | null): Cell[] {
  return [stationID, names.get(stationID) ?? null, port];
}

function hoursOf(seconds: number): number {
  return seconds / 3600;
}

/** Returns a column of instants. Its title names UTC, because programs get UTC; its heading names the report's zone. */
function timed(title: string, heading: string, { period }: FleetReport["options"]): SheetColumn {
  return { title, heading: `${heading} (${period.zone.name})`, format: "time" };
}

/** Headings of the columns that all sources have. */
const HEADINGS: Readonly<Record<string, string>> = {
  modelInfo: "Model",
  installDate: "Install date",
  type: "Type",
  state: "State",
};

/** Returns the heading of a column: `stationFirmware` is `Station firmware`, `location.city` is `Location city`. */
export function headingOf(column: string): string {
  if (Object.hasOwn(HEADINGS, column)) return HEADINGS[column]!;
  const words = column
    .replace(/(?<=[\p{Ll}\d])(?=\p{Lu})/gu, " ")
    .split(/[\s._-]+/)
    .filter((word) => word !== "")
    .map((word) => (/^\p{Lu}\p{Ll}+$/u.test(word) ? word.toLowerCase() : word));
  return capitalised(words.join(" ")) || column;
}

function headed(column: SheetColumn): SheetColumn {
  return { ...column, heading: headingOf(column.title) };
}

function capitalised(text: string): string {
  const [first = ""] = text;
  return first.toUpperCase() + text.slice(first.length);
}

function blank(cell: Cell): Cell {
  return cell === "" ? null : cell;
}

function valueColumns({ options, values }: FleetReport): SheetColumn[] {
  return options.columns.map((title, at) =>
    timeColumn(
      title,
      values.map(({ cells }) => cells[at]!),
    ),
  );
}

function countedColumn({ column, values }: ColumnCount): SheetColumn {
  return timeColumn(
    column,
    values.map(({ value }) => value),
  );
}

/** Returns a column, which shows only days when no value has a time of day. */
function timeColumn(title: string, cells: readonly Cell[]): SheetColumn {
  const dates = cells.filter((cell) => cell instanceof Date);
  if (dates.length === 0) return { title };
  return { title, format: dates.every((date) => date.getTime() % 86_400_000 === 0) ? "day" : "time" };
}

function clean({ name, heading, columns, rows }: Sheet): Sheet {
  return {
    name: cleanText(name),
    ...(heading !== undefined && { heading: cleanText(heading) }),
    columns: columns.map((column) => ({
      ...column,
      title: cleanText(column.title),
      ...(column.heading !== undefined && { heading: cleanText(column.heading) }),
    })),
    rows: rows.map((row) => row.map((cell) => (typeof cell === "string" ? cleanText(cell) : cell))),
  };
}

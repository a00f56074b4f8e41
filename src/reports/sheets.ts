import type { ColumnCount } from "./counts.ts";
import type { Cell } from "./field.ts";
import type { FleetReport } from "./fleet-report.ts";
import { cleanText } from "./text.ts";
import { sum } from "./usage.ts";

/** Format of a column's numbers and times. `time`: to the minute, UTC. */
export type Format = "day" | "time" | "share" | "hours" | "kWh";

export interface SheetColumn {
  readonly title: string;
  readonly format?: Format;
}

/** A table with a name, which is any text; output formats convert it. */
export interface Sheet {
  readonly name: string;
  readonly columns: readonly SheetColumn[];
  readonly rows: readonly (readonly Cell[])[];
}

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
      ];
  return sheets.map(clean);
}

function values(report: FleetReport): Sheet {
  return {
    name: "values",
    columns: [{ title: "station" }, { title: "name" }, ...valueColumns(report)],
    rows: report.values.map(({ id, name, cells }) => [id, name, ...cells]),
  };
}

function counts({ counts, values: stations }: FleetReport): Sheet[] {
  return counts.map((counted) => ({
    name: `${counted.column}_count`,
    columns: [countedColumn(counted), { title: "count" }, { title: "share", format: "share" }],
    rows: counted.values.map(({ value, count }) => [value ?? EMPTY, count, count / stations.length]),
  }));
}

function pivot({ pivot: { models, states, counts } }: FleetReport): Sheet {
  const title = (cell: Cell) => (cell === null ? EMPTY : String(cell));
  const totals = states.map((_, at) => sum(counts, (row) => row[at]!));
  return {
    name: "Status Pivot",
    columns: [{ title: "modelInfo" }, ...states.map((state) => ({ title: title(state) })), { title: TOTAL }],
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
        { title: "station" },
        { title: "name" },
        { title: "port" },
        { title: "sessions" },
        { title: "energy (kWh)", format: "kWh" },
        { title: "in use (h)", format: "hours" },
        { title: "charging (h)", format: "hours" },
        { title: "period (h)", format: "hours" },
        { title: "share of time", format: "share" },
      ],
      rows: utilisation.map((port) => [
        ...named(names, port.stationID, port.port),
        port.sessions,
        port.energyKwh,
        hours(port.inUseSeconds),
        hours(port.chargingSeconds),
        hours(port.periodSeconds),
        port.share,
      ]),
    },
  ];
}

function energy({ days, months }: FleetReport): Sheet[] {
  if (!days || !months) return [];
  const amounts = [
    { title: "sessions" },
    { title: "energy (kWh)", format: "kWh" },
    { title: "charging (h)", format: "hours" },
  ] as const;
  return [
    {
      name: "Energy per day",
      columns: [{ title: "day", format: "day" }, ...amounts],
      rows: days.map(({ day, sessions, energyKwh, chargingSeconds }) => [
        new Date(`${day}T00:00:00Z`),
        sessions,
        energyKwh,
        hours(chargingSeconds),
      ]),
    },
    {
      name: "Energy per month",
      columns: [{ title: "month" }, ...amounts],
      rows: months.map(({ month, sessions, energyKwh, chargingSeconds }) => [
        month,
        sessions,
        energyKwh,
        hours(chargingSeconds),
      ]),
    },
  ];
}

function alarms({ alarms, names }: FleetReport): Sheet[] {
  if (!alarms) return [];
  return [
    {
      name: "Alarms by type",
      columns: [
        { title: "type" },
        { title: "count" },
        { title: "stations" },
        { title: "latest (UTC)", format: "time" },
      ],
      rows: alarms.byType.map(({ type, count, stations, latest }) => [type, count, stations, latest]),
    },
    {
      name: "Alarms",
      columns: [
        { title: "time (UTC)", format: "time" },
        { title: "station" },
        { title: "name" },
        { title: "port" },
        { title: "type" },
      ],
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
        { title: "station" },
        { title: "name" },
        { title: "reason" },
        { title: "last seen (UTC)", format: "time" },
        { title: "days ago" },
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

function hours(seconds: number): number {
  return seconds / 3600;
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

function clean({ name, columns, rows }: Sheet): Sheet {
  return {
    name: cleanText(name),
    columns: columns.map((column) => ({ ...column, title: cleanText(column.title) })),
    rows: rows.map((row) => row.map((cell) => (typeof cell === "string" ? cleanText(cell) : cell))),
  };
}

import type { Cell } from "./field.ts";
import { cellText, figure, moneyText, percentage, periodText, timeText } from "./figures.ts";
import type { FleetReport, StationUse } from "./fleet-report.ts";
import { EMPTY, type Format, type Sheet } from "./sheets.ts";
import { cleanText } from "./text.ts";
import { daysOf, sum } from "./usage.ts";

/** A figure that describes the whole fleet. */
export interface Figure {
  readonly label: string;
  readonly value: Cell;
  readonly format?: Format;
  readonly note?: string;
}

/** What a manager reads in a minute: on the workbook's first sheet, at the top of the page, and in the mail. */
export interface Summary {
  readonly title: string;
  /** The period, and where the data is from. */
  readonly lines: readonly string[];
  readonly figures: readonly Figure[];
  readonly tables: readonly SummaryTable[];
}

export type SummaryTable = Sheet & { readonly name: "states" | "most used" | "least used" | "alarms" };

/** Maximum number of rows of a table. */
const MAX_ROWS = 10;

export function summaryOf(report: FleetReport): Summary {
  const { options } = report;
  const { period, now } = options;
  const { zone } = period;
  return {
    title: "Fleet report",
    lines: [
      periodText(period),
      `${cleanText(options.source)}, made ${timeText(now, zone)}`,
      `Times are in ${zone.name}.`,
      ...missing(report),
    ],
    figures: [...fleet(report), ...use(report), ...revenue(report), ...troubles(report)],
    tables: [states(report), ...stations(report), ...alarms(report)].filter(({ rows }) => rows.length > 0),
  };
}

/** Formats a figure as a reader expects it. */
export function figureText({ value, format }: Figure, { options }: FleetReport): string {
  return cellText(value, format, options.period.zone);
}

function missing({ lacks }: FleetReport): string[] {
  return [...Map.groupBy(lacks, ({ reason }) => reason)].map(
    ([reason, all]) => `Left out: ${all.map(({ part }) => part).join(", ")} (${cleanText(reason)}).`,
  );
}

/** States of stations that should work: not planned ones, and none in the words of another source. */
const IN_SERVICE: ReadonlySet<Cell> = new Set(["operational", "partly operational", "non-operational"]);

function fleet(report: FleetReport): Figure[] {
  const { values, sites, ports } = report;
  const states = stateCounts(report);
  const known = sum(states, ({ state, count }) => (IN_SERVICE.has(state) ? count : 0));
  const operational = states.find(({ state }) => state === "operational")?.count ?? 0;
  return [
    ...(sites === undefined ? [] : [count("Sites", sites)]),
    count("Stations", values.length),
    ...(ports === undefined ? [] : [count("Ports", ports)]),
    ...(known === 0
      ? []
      : [
          {
            label: "Availability",
            value: operational / known,
            format: "share" as const,
            note: `${figure(operational)} of ${figure(known)} stations in service are operational now`,
          },
        ]),
  ];
}

function use({ days, hours, utilisation, options }: FleetReport): Figure[] {
  if (!days || !hours) return [];
  const sessions = sum(days, (day) => day.sessions);
  const energy = sum(days, ({ energyKwh }) => energyKwh);
  const figures: Figure[] = [
    count("Sessions", sessions, `${figure(sessions / daysOf(options.period))} per day`),
    {
      ...{ label: "Energy (kWh)", value: energy, format: "kWh" },
      ...(sessions > 0 && { note: `${figure(energy / sessions)} kWh per session` }),
    },
    {
      ...{ label: "Charging (h)", format: "hours" },
      value: sum(days, ({ chargingSeconds }) => chargingSeconds) / 3600,
    },
  ];
  if (utilisation && utilisation.length > 0) {
    const inUse = sum(utilisation, ({ inUseSeconds }) => inUseSeconds);
    const unused = utilisation.filter((port) => port.sessions === 0 && port.inUseSeconds === 0).length;
    figures.push({
      label: "Ports in use",
      value:
        inUse /
        Math.max(
          1,
          sum(utilisation, ({ periodSeconds }) => periodSeconds),
        ),
      format: "share",
      note: `of the time with a vehicle connected${unused === 0 ? "" : `; ${figure(unused)} ports never`}`,
    });
  }
  if (sessions === 0) return figures;
  const day = days.reduce((best, one) => (one.energyKwh > best.energyKwh ? one : best));
  const hour = hours.reduce((best, one) => (one.sessions > best.sessions ? one : best));
  return [
    ...figures,
    {
      ...{ label: "Busiest day", value: new Date(`${day.day}T00:00:00Z`), format: "day" },
      note: `${figure(day.energyKwh)} kWh, ${figure(day.sessions)} sessions`,
    },
    {
      ...{ label: "Busiest hour", value: `${String(hour.hour).padStart(2, "0")}:00` },
      note: `${percentage(hour.sessions / sessions)} of the sessions began in it`,
    },
  ];
}

function revenue({ revenue: byCurrency }: FleetReport): Figure[] {
  return (byCurrency ?? []).map(({ currency, payments, gross, net }) => ({
    label: `Paid by drivers (${currency ?? "currency unknown"})`,
    value: gross,
    format: "money",
    note: `${figure(payments)} payments; ${moneyText(net)} to the organisation`,
  }));
}

function troubles({ alarms, unseen, options }: FleetReport): Figure[] {
  const figures: Figure[] = [];
  if (unseen) {
    const offline = unseen.filter(({ reason }) => reason === "unreachable").length;
    figures.push(
      count("Stations offline", offline, "not reached by their network"),
      count(
        "Stations silent",
        unseen.length - offline,
        `neither contact nor session for ${figure(options.unseenDays)} days`,
      ),
    );
  }
  if (alarms) {
    const raised = alarms.byType.filter(({ isEnding }) => !isEnding);
    const all = sum(raised, (type) => type.count);
    const [first] = raised;
    figures.push(
      count("Alarms", all, first && `most of them: ${cleanText(first.type)} (${figure(first.count)})`),
    );
  }
  return figures;
}

function count(label: string, value: number, note?: string): Figure {
  return { label, value, format: "count", ...(note !== undefined && { note }) };
}

function stateCounts({ pivot }: FleetReport): { readonly state: Cell; readonly count: number }[] {
  return pivot.states
    .map((state, at) => ({ state, count: sum(pivot.counts, (row) => row[at]!) }))
    .sort((a, b) => b.count - a.count);
}

function states(report: FleetReport): SummaryTable {
  return {
    name: "states",
    heading: "Stations by state",
    columns: [
      { title: "State" },
      { title: "Stations", format: "count" },
      { title: "Share", format: "share" },
    ],
    rows: stateCounts(report)
      .slice(0, MAX_ROWS)
      .map(({ state, count: stationCount }) => [
        state === null ? EMPTY : cleanText(String(state)),
        stationCount,
        stationCount / report.values.length,
      ]),
  };
}

function stations({ stationUse, names }: FleetReport): SummaryTable[] {
  if (!stationUse) return [];
  const table = (name: SummaryTable["name"], heading: string, all: readonly StationUse[]): SummaryTable => ({
    name,
    heading,
    columns: [
      { title: "Station" },
      { title: "Energy (kWh)", format: "kWh" },
      { title: "Sessions", format: "count" },
      { title: "Time in use", format: "share" },
    ],
    rows: all.map(({ stationID, energyKwh, sessions, share }) => [
      cleanText(names.get(stationID) ?? stationID),
      energyKwh,
      sessions,
      share,
    ]),
  });
  const most = stationUse.filter(({ sessions }) => sessions > 0).slice(0, MAX_ROWS);
  const least = stationUse.slice(Math.max(most.length, stationUse.length - MAX_ROWS)).reverse();
  return [
    table("most used", "Stations with the most energy", most),
    table("least used", "Stations with the least energy", least),
  ];
}

function alarms({ alarms: all }: FleetReport): SummaryTable[] {
  if (!all) return [];
  return [
    {
      name: "alarms",
      heading: "Most frequent alarms",
      columns: [
        { title: "Alarm" },
        { title: "Alarms", format: "count" },
        { title: "Stations", format: "count" },
      ],
      rows: all.byType
        .filter(({ isEnding }) => !isEnding)
        .slice(0, MAX_ROWS)
        .map(({ type, count: alarmCount, stations: affected }) => [cleanText(type), alarmCount, affected]),
    },
  ];
}

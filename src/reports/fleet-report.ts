import { type ColumnCount, countColumn, type StatusPivot, statusPivot } from "./counts.ts";
import { type Cell, type FieldRules, fieldOf } from "./field.ts";
import type { Alarms, DayUsage, FleetData, Period, PortUsage } from "./fleet-data.ts";
import { type UnseenStation, unseenStations } from "./unseen.ts";
import { byMonth, everyDay } from "./usage.ts";

export interface ReportOptions {
  /** Where the data is from, for people. */
  readonly source: string;
  readonly columns: readonly string[];
  readonly period: Period;
  readonly now: Date;
  /** Only the sheets of the pandas script that this report comes from, with its way to count. */
  readonly parity: boolean;
  /** A station that was not heard of for so long is told as not seen. */
  readonly unseenDays: number;
}

export interface PortUtilisation extends PortUsage {
  /** Seconds of the period since the station was activated. */
  readonly periodSeconds: number;
  /** Of these, the share in which a vehicle was connected. */
  readonly share: number;
}

/** All that a fleet report tells, before it becomes sheets or a page. A part that is absent could not be told. */
export interface FleetReport {
  readonly options: ReportOptions;
  /** Names of stations by identifier. */
  readonly names: ReadonlyMap<string, string>;
  /** Identifier, name, then the columns. */
  readonly values: readonly { readonly id: Cell; readonly name: Cell; readonly cells: readonly Cell[] }[];
  readonly counts: readonly ColumnCount[];
  readonly pivot: StatusPivot;
  readonly utilisation?: readonly PortUtilisation[];
  readonly days?: readonly DayUsage[];
  readonly months?: ReturnType<typeof byMonth>;
  readonly alarms?: Alarms;
  readonly unseen?: readonly UnseenStation[];
}

/** Counts what a source told. */
export function fleetReport(data: FleetData, options: ReportOptions): FleetReport {
  const { stations, timeColumns, usage, alarms, contacts } = data;
  const { columns, parity, period, now } = options;
  const rules: FieldRules = { timeColumns, parity };
  const values = stations.map((station) => ({
    id: station.id,
    name: station.name,
    cells: columns.map((column) => fieldOf(station, column, rules)),
  }));
  const days = usage && everyDay(usage.days, period);
  return {
    options,
    names: new Map(
      stations.flatMap(({ id, name }) => (id === null || name === null ? [] : [[id, name] as const])),
    ),
    values,
    counts: columns.map((column) => countColumn(stations, column, rules)),
    pivot: statusPivot(stations, rules),
    ...(!parity && usage && { utilisation: utilisation(data, usage.ports, period) }),
    ...(!parity && days && { days, months: byMonth(days) }),
    ...(!parity && alarms && { alarms }),
    ...(!parity && contacts && { unseen: unseenStations(contacts, now, options.unseenDays) }),
  };
}

/** The most used port first. */
function utilisation(
  { stations }: FleetData,
  ports: readonly PortUsage[],
  { from, to }: Period,
): PortUtilisation[] {
  const activated = new Map(stations.map(({ id, activatedAt }) => [id, activatedAt?.getTime()]));
  return ports
    .map((port) => {
      const since = Math.max(from.getTime(), activated.get(port.stationID) ?? 0);
      const periodSeconds = Math.max(0, to.getTime() - since) / 1000;
      // A port that was in use before it was activated, by the record, had at least that time.
      const share = port.inUseSeconds === 0 ? 0 : Math.min(1, port.inUseSeconds / periodSeconds);
      return { ...port, periodSeconds, share };
    })
    .sort((a, b) => b.share - a.share || b.energyKwh - a.energyKwh);
}

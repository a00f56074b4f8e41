import { type ColumnCount, countColumn, type StatusPivot, statusPivot } from "./counts.ts";
import { type Cell, type FieldRules, fieldOf } from "./field.ts";
import type {
  Alarms,
  Contact,
  DayUsage,
  FleetData,
  HourUsage,
  Lack,
  Period,
  PortUsage,
  Revenue,
} from "./fleet-data.ts";
import { byMonth, everyDay, everyHour, sum } from "./usage.ts";

export interface ReportOptions {
  /** Name of the data's source, for people. */
  readonly source: string;
  readonly columns: readonly string[];
  readonly period: Period;
  readonly now: Date;
  /** Only the sheets of the original pandas script, counted in its way. */
  readonly parity: boolean;
  /** Number of days without a sign of life after which a station is listed as not seen. */
  readonly unseenDays: number;
}

export interface PortUtilisation extends PortUsage {
  /** Seconds of the period since the station was activated. */
  readonly periodSeconds: number;
  /** Share of the period with a vehicle connected. */
  readonly share: number;
}

/** Use of a station: of all its ports together. */
export interface StationUse {
  readonly stationID: string;
  readonly sessions: number;
  readonly energyKwh: number;
  readonly inUseSeconds: number;
  /** Share of the time of its ports with a vehicle connected. */
  readonly share: number;
}

/** Contents of a fleet report, before it becomes sheets or a page. Absent parts were not available. */
export interface FleetReport {
  readonly options: ReportOptions;
  /** Names of stations by identifier. */
  readonly names: ReadonlyMap<string, string>;
  /** Identifier, name, then the columns. */
  readonly values: readonly { readonly id: Cell; readonly name: Cell; readonly cells: readonly Cell[] }[];
  readonly counts: readonly ColumnCount[];
  readonly pivot: StatusPivot;
  /** Undefined when no address is known. */
  readonly sites?: number | undefined;
  /** Undefined when unknown. */
  readonly ports?: number | undefined;
  readonly utilisation?: readonly PortUtilisation[];
  /** Most energy first. */
  readonly stationUse?: readonly StationUse[];
  readonly days?: readonly DayUsage[];
  readonly months?: ReturnType<typeof byMonth>;
  readonly hours?: readonly HourUsage[];
  readonly revenue?: readonly Revenue[];
  readonly alarms?: Alarms;
  readonly unseen?: readonly UnseenStation[];
  /** Parts that the source did not provide. */
  readonly lacks: readonly Lack[];
}

/** Computes a report from a source's data. */
export function fleetReport(data: FleetData, options: ReportOptions): FleetReport {
  const { stations, timeColumns, usage, alarms, contacts, revenue } = data;
  const { columns, parity, period, now } = options;
  const rules: FieldRules = { timeColumns, parity };
  const values = stations.map((station) => ({
    id: station.id,
    name: station.name,
    cells: columns.map((column) => fieldOf(station, column, rules)),
  }));
  const days = usage && everyDay(usage.days, period);
  const ports = usage && utilisation(data, usage.ports, period);
  const sites = new Set(stations.flatMap(({ site }) => site ?? []));
  return {
    options,
    lacks: data.lacks,
    names: new Map(
      stations.flatMap(({ id, name }) => (id === null || name === null ? [] : [[id, name] as const])),
    ),
    values,
    counts: columns.map((column) => countColumn(stations, column, rules)),
    pivot: statusPivot(stations, rules),
    sites: sites.size === 0 ? undefined : sites.size,
    ports: stations.some(({ ports }) => ports !== undefined)
      ? sum(stations, (station) => station.ports ?? 0)
      : undefined,
    ...(!parity && ports && { utilisation: ports, stationUse: stationUse(ports) }),
    ...(!parity && usage && days && { days, months: byMonth(days), hours: everyHour(usage.hours) }),
    ...(!parity && revenue && revenue.length > 0 && { revenue }),
    ...(!parity && alarms && { alarms }),
    ...(!parity && contacts && { unseen: unseenStations(contacts, now, options.unseenDays) }),
  };
}

/** Returns the utilisation of ports, most used first. */
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
      // A port used before its recorded activation has at least that time.
      const share = port.inUseSeconds === 0 ? 0 : Math.min(1, port.inUseSeconds / periodSeconds);
      return { ...port, periodSeconds, share };
    })
    .sort((a, b) => b.share - a.share || b.energyKwh - a.energyKwh);
}

function stationUse(ports: readonly PortUtilisation[]): StationUse[] {
  return [...Map.groupBy(ports, ({ stationID }) => stationID)]
    .map(([stationID, all]) => {
      const inUseSeconds = sum(all, (port) => port.inUseSeconds);
      const periodSeconds = sum(all, (port) => port.periodSeconds);
      return {
        stationID,
        sessions: sum(all, ({ sessions }) => sessions),
        energyKwh: sum(all, ({ energyKwh }) => energyKwh),
        inUseSeconds,
        share: inUseSeconds === 0 ? 0 : Math.min(1, inUseSeconds / periodSeconds),
      };
    })
    .sort((a, b) => b.energyKwh - a.energyKwh || b.inUseSeconds - a.inUseSeconds);
}

export interface UnseenStation {
  readonly stationID: string;
  /** `unreachable`: reported by its network; `silent`: no sign of life for too long; `never`: no sign of life at all. */
  readonly reason: "unreachable" | "silent" | "never";
  readonly lastSeen: Date | null;
}

/** Returns stations that are unreachable or have had no sign of life for `days`, those seen longest ago first. */
export function unseenStations(contacts: readonly Contact[], now: Date, days: number): UnseenStation[] {
  const oldest = now.getTime() - days * 86_400_000;
  const reasonOf = ({ network, lastSeen }: Contact): UnseenStation["reason"] | undefined => {
    if (network === "unreachable") return "unreachable";
    if (lastSeen === null) return network === "reachable" ? undefined : "never";
    return lastSeen.getTime() < oldest ? "silent" : undefined;
  };
  return contacts
    .flatMap((contact) => {
      const reason = reasonOf(contact);
      const { stationID, lastSeen } = contact;
      return reason === undefined ? [] : [{ stationID, reason, lastSeen }];
    })
    .sort((a, b) => (a.lastSeen?.getTime() ?? 0) - (b.lastSeen?.getTime() ?? 0));
}

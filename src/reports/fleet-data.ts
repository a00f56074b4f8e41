import type { Zone } from "../time/zone.ts";

/** Data of a fleet from a source. Parts that the source does not have are absent, with the reason in `lacks`. */
export interface FleetData {
  readonly stations: readonly FleetStation[];
  /** Columns whose values are times. */
  readonly timeColumns: ReadonlySet<string>;
  readonly usage?: Usage;
  readonly alarms?: Alarms;
  readonly contacts?: readonly Contact[];
  /** By currency. Absent where the source has no payments; empty where none were made. */
  readonly revenue?: readonly Revenue[];
  readonly lacks: readonly Lack[];
}

/** The columns that all sources have. */
export const COMMON_COLUMNS = ["modelInfo", "installDate", "type", "state"] as const;

/** From `from` (inclusive) to `to` (exclusive). */
export interface Period {
  readonly from: Date;
  readonly to: Date;
  /** Time zone of its days, months and hours. */
  readonly zone: Zone;
}

/** Optional parts of a report. */
export const PARTS = ["utilisation", "energy", "alarms", "unseen"] as const;
export type Part = (typeof PARTS)[number];

/** Request to a source. */
export interface Wanted {
  readonly period: Period;
  readonly parts: ReadonlySet<Part>;
  readonly now: Date;
}

/** `state`: the status of the ports only; the network's status of the stations is present. */
export interface Lack {
  readonly part: Part | "state";
  readonly reason: string;
}

export interface FleetStation {
  readonly id: string | null;
  readonly name: string | null;
  /** Undefined when unknown. */
  readonly activatedAt?: Date | undefined;
  /** Address, the same text for all stations of a site. Undefined when unknown. */
  readonly site?: string | undefined;
  /** Number of ports. Undefined when unknown. */
  readonly ports?: number | undefined;
  /** By column; `modelInfo`, `installDate`, `type` and `state` are the common ones. Values are as the source has them. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Charging sessions of a period by port, day and hour. Sessions and energy count at their start. */
export interface Usage {
  readonly ports: readonly PortUsage[];
  readonly days: readonly DayUsage[];
  readonly hours: readonly HourUsage[];
}

export interface PortUsage {
  readonly stationID: string;
  /** Null: sessions without a port. */
  readonly port: string | null;
  readonly sessions: number;
  readonly energyKwh: number;
  /** Time in which current flowed. */
  readonly chargingSeconds: number;
  /** Time of the period with a vehicle connected; overlapping sessions count once. */
  readonly inUseSeconds: number;
}

export interface DayUsage {
  /** `2026-11-21`, in the period's zone. */
  readonly day: string;
  readonly sessions: number;
  readonly energyKwh: number;
  readonly chargingSeconds: number;
}

/** All sessions of the period that began in an hour of the day. */
export interface HourUsage {
  /** 0 to 23, in the period's zone. */
  readonly hour: number;
  readonly sessions: number;
  readonly energyKwh: number;
  readonly chargingSeconds: number;
}

/** Payments that stations reported in the period. */
export interface Revenue {
  readonly currency: string | null;
  readonly payments: number;
  /** Paid by drivers. */
  readonly gross: number;
  /** Paid to the organisation. */
  readonly net: number;
}

export interface Alarms {
  readonly byType: readonly AlarmCount[];
  /** Newest first, at most {@link NEWEST_ALARMS}. */
  readonly newest: readonly FleetAlarm[];
}

export const NEWEST_ALARMS = 1000;

export interface AlarmCount {
  readonly type: string;
  /** Whether it reports the end of an alarm, such as `fault cleared`. */
  readonly isEnding: boolean;
  readonly count: number;
  readonly stations: number;
  readonly latest: Date;
}

export interface FleetAlarm {
  readonly at: Date;
  readonly stationID: string;
  /** Null: the alarm is the station's own. */
  readonly port: string | null;
  readonly type: string;
}

/** State of a station's connection to its network. */
export interface Contact {
  readonly stationID: string;
  readonly network: "reachable" | "unreachable" | null;
  /** Latest sign of life; null: none known. */
  readonly lastSeen: Date | null;
}

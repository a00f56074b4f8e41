import { DecimalSum } from "../points/index.ts";
import type { Zone } from "../time/zone.ts";
import type { DayUsage, HourUsage, Period, PortUsage, Usage } from "./fleet-data.ts";

/** The values of a session that usage needs. Times are milliseconds since 1970. */
export interface UsedBySession {
  readonly stationID: string;
  readonly port: string | null;
  readonly start: number;
  /** For an active session: now. */
  readonly end: number;
  readonly energyKwh: number;
  readonly chargingSeconds: number;
}

type Growing<T> = { -readonly [K in keyof Omit<T, "energyKwh">]: T[K] } & { readonly energy: DecimalSum };

/** Sums sessions, which must be added in the order of their start. */
export class UsageSums {
  readonly #from: number;
  readonly #to: number;
  readonly #ports = new Map<string, Growing<PortUsage> & { busyUntil: number }>();
  readonly #zone: Zone;
  /** By hours of local time since 1970. */
  readonly #hours = new Map<number, Growing<ClockHour>>();

  constructor({ from, to, zone }: Period) {
    this.#from = from.getTime();
    this.#to = to.getTime();
    this.#zone = zone;
  }

  add({ stationID, port, start, end, energyKwh, chargingSeconds }: UsedBySession): void {
    if (start >= this.#to || (end <= this.#from && start < this.#from)) return;
    const key = `${stationID}\n${port ?? ""}`;
    let usage = this.#ports.get(key);
    if (!usage) {
      const nothing = { sessions: 0, energy: new DecimalSum(), chargingSeconds: 0, inUseSeconds: 0 };
      usage = { stationID, port, ...nothing, busyUntil: this.#from };
      this.#ports.set(key, usage);
    }
    const until = Math.min(end, this.#to);
    usage.inUseSeconds += Math.max(0, until - Math.max(start, usage.busyUntil)) / 1000;
    usage.busyUntil = Math.max(usage.busyUntil, until);
    if (start < this.#from) return;
    const localHour = Math.floor((start + this.#zone.offset(start)) / HOUR_MS);
    let ofHour = this.#hours.get(localHour);
    if (!ofHour) {
      ofHour = { localHour, sessions: 0, energy: new DecimalSum(), chargingSeconds: 0 };
      this.#hours.set(localHour, ofHour);
    }
    for (const sum of [usage, ofHour]) {
      sum.sessions++;
      sum.energy.add(energyKwh);
      sum.chargingSeconds += chargingSeconds;
    }
  }

  usage(): Usage {
    const ports = [...this.#ports.values()].map(({ busyUntil: _, energy, ...usage }) => ({
      ...usage,
      energyKwh: energy.total,
    }));
    const hours = [...this.#hours.values()].map(({ energy, ...usage }) => ({
      ...usage,
      energyKwh: energy.total,
    }));
    return { ports, ...byCalendar(hours) };
  }
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Sessions that began in one hour of one day. */
export interface ClockHour {
  /** Hours of local time since 1970. An hour that the clocks show twice is one. */
  readonly localHour: number;
  readonly sessions: number;
  readonly energyKwh: number;
  readonly chargingSeconds: number;
}

/** Sums hours by day, and by hour of the day. */
export function byCalendar(hours: readonly ClockHour[]): Pick<Usage, "days" | "hours"> {
  const days = Map.groupBy(hours, ({ localHour }) => dayText(localHour * HOUR_MS));
  const ofDay = Map.groupBy(hours, ({ localHour }) => localHour - Math.floor(localHour / 24) * 24);
  return {
    days: [...days].map(([day, of]) => ({ day, ...amounts(of) })),
    hours: [...ofDay].map(([hour, of]) => ({ hour, ...amounts(of) })),
  };
}

/** Formats the day of a local time: `2026-11-21`. */
function dayText(local: number): string {
  return new Date(local).toISOString().slice(0, 10);
}

/** Returns every hour of the day, including those without sessions. */
export function everyHour(hours: readonly HourUsage[]): HourUsage[] {
  const known = new Map(hours.map((usage) => [usage.hour, usage]));
  return Array.from(
    { length: 24 },
    (_, hour) => known.get(hour) ?? { hour, sessions: 0, energyKwh: 0, chargingSeconds: 0 },
  );
}

/** Returns every day of a period, including those without sessions. */
export function everyDay(days: readonly DayUsage[], { from, to, zone }: Period): DayUsage[] {
  const known = new Map(days.map((usage) => [usage.day, usage]));
  const all: DayUsage[] = [];
  const first = Math.floor((from.getTime() + zone.offset(from.getTime())) / DAY_MS) * DAY_MS;
  for (let local = first; zone.first(local) < to.getTime(); local += DAY_MS) {
    const day = dayText(local);
    all.push(known.get(day) ?? { day, sessions: 0, energyKwh: 0, chargingSeconds: 0 });
  }
  return all;
}

/** Returns the length of a period in days of its calendar, one of 23 or 25 hours being one. */
export function daysOf({ from, to, zone }: Period): number {
  const local = (date: Date) => date.getTime() + zone.offset(date.getTime());
  return (local(to) - local(from)) / DAY_MS;
}

/** Sums days by month: `2026-11`. */
export function byMonth(days: readonly DayUsage[]): (Amounts & { readonly month: string })[] {
  return [...Map.groupBy(days, ({ day }) => day.slice(0, 7))].map(([month, ofMonth]) => ({
    month,
    ...amounts(ofMonth),
  }));
}

type Amounts = Omit<DayUsage, "day">;

function amounts(all: readonly Amounts[]): Amounts {
  return {
    sessions: sum(all, ({ sessions }) => sessions),
    energyKwh: sum(all, ({ energyKwh }) => energyKwh),
    chargingSeconds: sum(all, ({ chargingSeconds }) => chargingSeconds),
  };
}

export function sum<T>(all: readonly T[], of: (one: T) => number): number {
  const total = new DecimalSum();
  for (const one of all) total.add(of(one));
  return total.total;
}

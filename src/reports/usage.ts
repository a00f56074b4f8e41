import { DecimalSum } from "../points/index.ts";
import type { DayUsage, Period, PortUsage, Usage } from "./fleet-data.ts";

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
  readonly #days = new Map<string, Growing<DayUsage>>();

  constructor({ from, to }: Period) {
    this.#from = from.getTime();
    this.#to = to.getTime();
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
    const day = new Date(start).toISOString().slice(0, 10);
    let ofDay = this.#days.get(day);
    if (!ofDay) {
      ofDay = { day, sessions: 0, energy: new DecimalSum(), chargingSeconds: 0 };
      this.#days.set(day, ofDay);
    }
    for (const sum of [usage, ofDay]) {
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
    const days = [...this.#days.values()].map(({ energy, ...usage }) => ({
      ...usage,
      energyKwh: energy.total,
    }));
    return { ports, days };
  }
}

const DAY_MS = 86_400_000;

/** Returns every day of a period, including those without sessions. */
export function everyDay(days: readonly DayUsage[], { from, to }: Period): DayUsage[] {
  const known = new Map(days.map((usage) => [usage.day, usage]));
  const all: DayUsage[] = [];
  const first = Math.floor(from.getTime() / DAY_MS) * DAY_MS;
  for (let time = first; time < to.getTime(); time += DAY_MS) {
    const day = new Date(time).toISOString().slice(0, 10);
    all.push(known.get(day) ?? { day, sessions: 0, energyKwh: 0, chargingSeconds: 0 });
  }
  return all;
}

/** Sums days by month: `2026-11`. */
export function byMonth(days: readonly DayUsage[]): (Omit<DayUsage, "day"> & { readonly month: string })[] {
  return [...Map.groupBy(days, ({ day }) => day.slice(0, 7))].map(([month, ofMonth]) => ({
    month,
    sessions: sum(ofMonth, ({ sessions }) => sessions),
    energyKwh: sum(ofMonth, ({ energyKwh }) => energyKwh),
    chargingSeconds: sum(ofMonth, ({ chargingSeconds }) => chargingSeconds),
  }));
}

export function sum<T>(all: readonly T[], of: (one: T) => number): number {
  const total = new DecimalSum();
  for (const one of all) total.add(of(one));
  return total.total;
}

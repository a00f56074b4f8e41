import { Zone } from "../../time/zone.ts";
import type { SqlValue } from "../database/tables.ts";
import { wireTime } from "../database/times.ts";
import { type ReadOptions, type SessionReader, sessionFilter } from "./reader.ts";

export interface SummaryOptions extends ReadOptions {
  readonly from: Date;
  readonly to: Date;
  readonly by: "day" | "month" | "station";
  /** Zone of the calendar, e.g. `America/Los_Angeles`. */
  readonly timeZone: string;
}

/** Sums of sessions that start in a period, or at a station. */
export interface Summary {
  /** `2026-11-21`, `2026-11`, or the station's id. */
  readonly key: string;
  /** Name of the station. */
  readonly name: string | null;
  readonly sessions: number;
  readonly energyKwh: number;
  readonly connectedSeconds: number;
  readonly chargingSeconds: number;
  /** By currency. */
  readonly money: readonly {
    readonly currency: string | null;
    readonly gross: number;
    readonly net: number;
  }[];
}

/** Maximum number of periods. */
export const MOST_PERIODS = 400;

/** Sums up sessions in the database. Periods without a session are absent. Throws a RangeError for an unknown zone, or too many periods. */
export async function summarize(
  reader: SessionReader,
  { by, from, to, timeZone, stationID, signal }: SummaryOptions,
): Promise<Summary[]> {
  const { conditions, values } = sessionFilter({ from, to, ...(stationID !== undefined && { stationID }) });
  const where = `WHERE ${conditions.join(" AND ")}`;
  const periods = by === "station" ? undefined : periodsBetween(from, to, by, timeZone);
  const key = periods ? caseOf(periods.length) : "t.station_id";
  const starts: SqlValue[] = periods ? periods.slice(1).map(({ start }) => wireTime(start)) : [];
  const sums = await reader.query(
    `SELECT ${key}, count(*), sum(t.energy_kwh), sum(t.connected_seconds), sum(t.charging_seconds)
     FROM session AS t ${where} GROUP BY 1 ORDER BY 1`,
    [...starts, ...values],
    signal,
  );
  const paid = await reader.query(
    `SELECT ${key}, p.currency, sum(p.gross_amount), sum(p.net_revenue_amount)
     FROM session AS t JOIN payment AS p ON p.session_id = t.session_id ${where} GROUP BY 1, 2 ORDER BY 1, 2`,
    [...starts, ...values],
    signal,
  );
  const names = new Map(
    by === "station"
      ? (await reader.query("SELECT station_id, name FROM station", [], signal)).map(([id, name]) => [
          String(id),
          name === null || name === undefined ? null : String(name),
        ])
      : [],
  );
  const money = Map.groupBy(paid, ([of]) => String(of));
  return sums.map(([of, sessions, energy, connected, charging]) => {
    const id = String(of);
    return {
      key: periods ? periods[Number(of)]!.name : id,
      name: names.get(id) ?? null,
      sessions: Number(sessions),
      energyKwh: rounded(energy),
      connectedSeconds: Number(connected ?? 0),
      chargingSeconds: Number(charging ?? 0),
      money: (money.get(id) ?? []).map(([, currency, gross, net]) => ({
        currency: currency === null ? null : String(currency),
        ...{ gross: rounded(gross), net: rounded(net) },
      })),
    };
  });
}

/** Sums of binary fractions without their noise. */
function rounded(value: SqlValue | undefined): number {
  return Number(Number(value ?? 0).toFixed(6));
}

/** Returns the index of the period of a session, with `?` for the starts of all but the first. */
function caseOf(periods: number): string {
  if (periods === 1) return "0";
  const branches = Array.from({ length: periods - 1 }, (_, at) => `WHEN t.started_at < ? THEN ${at}`);
  return `CASE ${branches.join(" ")} ELSE ${periods - 1} END`;
}

interface CalendarPeriod {
  readonly name: string;
  readonly start: Date;
}

/** Returns the days or months of a zone that a range touches. */
function periodsBetween(
  from: Date,
  to: Date,
  by: "day" | "month",
  timeZone: string,
): readonly CalendarPeriod[] {
  const zone = new Zone(timeZone);
  const periods: CalendarPeriod[] = [];
  const first = new Date(from.getTime() + zone.offset(from.getTime()));
  const [year, month, day] = [first.getUTCFullYear(), first.getUTCMonth(), first.getUTCDate()];
  for (let step = 0; ; step++) {
    const date =
      by === "day" ? new Date(Date.UTC(year, month, day + step)) : new Date(Date.UTC(year, month + step, 1));
    const start = new Date(zone.first(date.getTime()));
    if (start >= to) return periods;
    if (periods.length === MOST_PERIODS)
      throw new RangeError(
        `the range has more than ${MOST_PERIODS} ${by}s; use a shorter one, or another \`by\``,
      );
    periods.push({ name: date.toISOString().slice(0, by === "day" ? 10 : 7), start });
  }
}

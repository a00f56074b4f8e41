import type { Session } from "./session.ts";

const QUARTER_MS = 900_000;
const MS_PER_HOUR = 3_600_000;

/** A quarter of an hour of a session, or the part of one in which it started or ended. */
export interface Interval {
  readonly from: number;
  readonly to: number;
  /** Energy of the session up to `to`. */
  readonly kwh: number;
  readonly peakKw: number;
  readonly averageKw: number;
}

/** Returns a session by quarter hours of the clock (guide §6.2). For an active one, those that are over, which may be none. */
export function intervalsOf(session: Session, now: number): Interval[] {
  const end = session.endedAt === null || session.endedAt > now ? null : session.endedAt;
  const until = end ?? Math.floor(now / QUARTER_MS) * QUARTER_MS;
  const intervals: Interval[] = [];
  for (let from = session.startedAt; from < until; ) {
    const to = Math.min(until, Math.floor(from / QUARTER_MS) * QUARTER_MS + QUARTER_MS);
    const kwh = session.kwhAt(to);
    intervals.push({
      from,
      to,
      kwh,
      peakKw: peak(session, from, to),
      averageKw: ((kwh - session.kwhAt(from)) * MS_PER_HOUR) / (to - from),
    });
    from = to;
  }
  return intervals;
}

/** Loads never rise within a section, so the maximum is at the beginning of one, or of the interval. */
function peak(session: Session, from: number, to: number): number {
  let highest = session.kwAt(from);
  for (const stretch of session.history) {
    if (stretch.from > from && stretch.from < to) highest = Math.max(highest, stretch.kw);
  }
  return highest;
}

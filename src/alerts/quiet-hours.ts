import { type QuietHoursSettings, WEEKDAYS } from "../config/index.ts";
import { Zone } from "../time/zone.ts";

const DAY_MINUTES = 1440;
const MINUTE_MS = 60_000;
/** 1970-01-01, day 0, was a Thursday. */
const FIRST_WEEKDAY = 4;

/** Returns a function that says whether a time, in milliseconds since 1970, is in the quiet hours, by the clocks of their zone. */
export function quietHours(settings: QuietHoursSettings | undefined): (at: number) => boolean {
  if (!settings) return () => false;
  const zone = new Zone(settings.timeZone);
  const from = minutesOf(settings.from);
  const to = minutesOf(settings.to);
  const days = new Set<string>(settings.days);
  const beginsOn = (day: number) => days.has(WEEKDAYS[(((day + FIRST_WEEKDAY) % 7) + 7) % 7]!);
  return (at) => {
    const local = Math.floor((at + zone.offset(at)) / MINUTE_MS);
    const day = Math.floor(local / DAY_MINUTES);
    const minute = local - day * DAY_MINUTES;
    if (from < to) return minute >= from && minute < to && beginsOn(day);
    return (minute >= from && beginsOn(day)) || (minute < to && beginsOn(day - 1));
  };
}

function minutesOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(":").map(Number);
  return hours * 60 + minutes;
}

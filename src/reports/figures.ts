import type { Zone } from "../time/zone.ts";
import type { Cell } from "./field.ts";
import type { Period } from "./fleet-data.ts";
import type { Format } from "./sheets.ts";

/** Numbers and times for people. */

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const cents = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const percent = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });

/** Formats `12,345`, and below a hundred `12.3`. */
export function figure(value: number): string {
  return Math.abs(value) < 100 ? tenths.format(value) : whole.format(value);
}

/** Formats `850 kWh` up to ten thousand, and `12.5 MWh` above. */
export function energyText(kwh: number): string {
  return kwh < 10_000 ? `${figure(kwh)} kWh` : `${figure(kwh / 1000)} MWh`;
}

/** Formats `1,234.50`. */
export function moneyText(amount: number): string {
  return cents.format(amount);
}

export function percentage(share: number): string {
  return percent.format(share);
}

/** Formats a cell as a reader expects it; a missing value is a dash. */
export function cellText(cell: Cell, format: Format | undefined, zone: Zone): string {
  if (cell === null) return "–";
  if (cell instanceof Date) return format === "day" ? cell.toISOString().slice(0, 10) : timeText(cell, zone);
  if (typeof cell !== "number") return String(cell);
  if (format === "share") return percentage(cell);
  return format === "money" ? moneyText(cell) : figure(cell);
}

/** Returns the local time of a zone as if it were UTC. */
export function localDate(date: Date, zone: Zone): Date {
  return new Date(date.getTime() + zone.offset(date.getTime()));
}

/** Formats `21 November 2026`. */
export function dayText(date: Date, zone: Zone): string {
  return localDate(date, zone).toLocaleDateString("en-GB", {
    ...{ day: "numeric", month: "long", year: "numeric", timeZone: "UTC" },
  });
}

/** Formats `2026-11-21 08:00`. */
export function timeText(date: Date, zone: Zone): string {
  return localDate(date, zone).toISOString().slice(0, 16).replace("T", " ");
}

const DAY_MS = 86_400_000;

/** Formats `1 November 2026 to 30 November 2026`, both inclusive, or with times where the period does not consist of whole days. */
export function periodText({ from, to, zone }: Period): string {
  const isMidnight = (date: Date) => localDate(date, zone).getTime() % DAY_MS === 0;
  if (!isMidnight(from) || !isMidnight(to))
    return [from, to].map((date) => `${dayText(date, zone)}, ${timeText(date, zone).slice(-5)}`).join(" to ");
  const [first, last] = [dayText(from, zone), dayText(new Date(to.getTime() - 1), zone)];
  return first === last ? first : `${first} to ${last}`;
}

/** Shortens text to `most` characters, keeping its start and end: the end of a station's name distinguishes it from others. */
export function shortened(text: string, most: number): string {
  const characters = [...text];
  if (characters.length <= most) return text;
  const end = Math.floor(most / 2.5);
  return `${characters.slice(0, most - end - 1).join("")}…${characters.slice(-end).join("")}`;
}

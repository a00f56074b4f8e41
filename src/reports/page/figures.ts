/** Numbers and times for people. */

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const percent = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });

/** Formats `12,345`, and below a hundred `12.3`. */
export function figure(value: number): string {
  return Math.abs(value) < 100 ? tenths.format(value) : whole.format(value);
}

/** Formats `850 kWh` up to ten thousand, and `12.5 MWh` above. */
export function energyText(kwh: number): string {
  return kwh < 10_000 ? `${figure(kwh)} kWh` : `${figure(kwh / 1000)} MWh`;
}

export function percentage(share: number): string {
  return percent.format(share);
}

/** Formats `21 November 2026`. */
export function dayText(date: Date): string {
  return date.toLocaleDateString("en-GB", {
    day: "numeric",
    month: "long",
    year: "numeric",
    timeZone: "UTC",
  });
}

/** Formats `2026-11-21 08:00`. */
export function timeText(date: Date): string {
  return date.toISOString().slice(0, 16).replace("T", " ");
}

/** Shortens text to `most` characters, keeping its start and end: the end of a station's name distinguishes it from others. */
export function shortened(text: string, most: number): string {
  const characters = [...text];
  if (characters.length <= most) return text;
  const end = Math.floor(most / 2.5);
  return `${characters.slice(0, most - end - 1).join("")}…${characters.slice(-end).join("")}`;
}

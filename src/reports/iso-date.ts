const DATE = /(\d{4})(?:([-/. ]?)(\d\d?)(?:\2(\d\d?))?)?/;
const TIME = /[T ](\d\d)(?::?([0-5]\d)(?::?([0-5]\d)(?:\.(\d{1,9}))?)?)?( ?Z| ?[+-]\d\d(?::?\d\d)?)?/;
const ISO = new RegExp(`^${DATE.source}(?:${TIME.source})?$`);

/**
 * Parses a time as pandas does for ISO 8601 (`to_datetime(…, format="ISO8601")`): `2026`, `2026-11`, `2026-11-21`, `20261121`,
 * `2026/1/2`, with or without a time of day. Without a zone it is UTC. Returns undefined for other text and invalid dates.
 */
export function parseIsoDate(text: unknown): Date | undefined {
  const found = typeof text === "string" ? ISO.exec(text) : null;
  if (!found) return undefined;
  const [, year, separator = "", month = "1", day, hour = "0", minute = "0", second = "0", fraction = ""] =
    found;
  // Six digits could be a year and a month, or a short date.
  if (separator === "" && found[3] !== undefined && (day?.length !== 2 || month.length !== 2))
    return undefined;
  if (found[5] !== undefined && day === undefined) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day ?? "1"));
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day ?? "1")) return undefined;
  if (Number(year) === 0 || Number(hour) > 23) return undefined;
  date.setUTCHours(Number(hour), Number(minute), Number(second), Number(fraction.slice(0, 3).padEnd(3, "0")));
  return new Date(date.getTime() - zoneOffsetMs(found[9]));
}

function zoneOffsetMs(zone: string | undefined): number {
  const [, sign, hours, minutes = "0"] = /([+-])(\d\d):?(\d\d)?/.exec(zone ?? "") ?? [];
  if (sign === undefined) return 0;
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

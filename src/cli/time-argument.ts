import { InvalidArgumentError } from "commander";

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Parser of a time: ISO 8601, UTC where it names no zone, or as long ago as `-30d`, `-12h`, `-90m`. */
export function timeArgument(text: string): Date {
  const ago = /^-(\d+(?:\.\d+)?)([mhd])$/.exec(text.trim());
  if (ago) return new Date(Date.now() - Number(ago[1]) * UNITS[ago[2]!]!);
  const written = text.trim();
  const day = /^\d{4}-\d\d-\d\d$/.test(written);
  const zoned = day || /(Z|[+-]\d\d:?\d\d)$/i.test(written) ? written : `${written}Z`;
  const time = /^\d{4}-\d\d-\d\d/.test(written) ? new Date(zoned) : new Date(Number.NaN);
  if (!Number.isNaN(time.getTime())) return time;
  throw new InvalidArgumentError("expected a time such as 2026-11-21T08:00:00Z, 2026-11-21 or -30d");
}

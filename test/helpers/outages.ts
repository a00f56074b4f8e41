import type { Notice } from "../../src/bus.ts";
import { createLog } from "../../src/log/log.ts";
import { type OutageReports, Outages } from "../../src/log/outages.ts";
import { systemClock } from "../../src/time/clock.ts";

/** Reports of outages without a log, and without timers: each beginning and end is a notice. */
export function outagesTo(notify: (notice: Notice) => void): OutageReports {
  const clock = { ...systemClock, after: () => () => undefined };
  return new Outages({ log: createLog({ level: "silent" }), notify, clock });
}

/** The same, as lines `severity kind: text`. */
export function outagesAsLines(lines: string[]): OutageReports {
  return outagesTo(({ severity, kind, text }) => void lines.push(`${severity} ${kind}: ${text}`));
}

export const NO_OUTAGES: OutageReports = {
  failed: () => undefined,
  ended: () => false,
  forget: () => undefined,
};

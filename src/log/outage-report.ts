import type { LogFields } from "./log.ts";

/** A failed attempt at something that should work and is tried again. */
export interface Failure {
  /** Name of what fails, unique within one {@link Outages}. */
  readonly key: string;
  /** Stable name for programs, in log lines and notices. */
  readonly kind: string;
  /** What does not work, e.g. `device cannot be read`. */
  readonly text: string;
  readonly cause: string;
  /** What happens next, e.g. `retrying in the next round`. */
  readonly next?: string;
  readonly severity?: "warning" | "error";
  readonly device?: string;
  /** Number of failed attempts. Default: 1. */
  readonly attempts?: number;
  /** Failures of one group that begin or end together share a line. */
  readonly group?: OutageGroup;
  /** Name of the part of the device that fails, e.g. a point. */
  readonly member?: string;
  /** Whether it is only logged, and no notice on the bus. */
  readonly logOnly?: boolean;
}

export interface OutageGroup {
  readonly name: string;
  /** Texts of several devices, e.g. `12 devices cannot be read`. */
  readonly failing: (devices: number) => string;
  readonly working: (devices: number) => string;
  /** Field of the log line that names the {@link Failure.member}s of a single device. */
  readonly membersField?: string;
}

export interface Recovery {
  /** What works again, e.g. `device is read again`. */
  readonly text: string;
  /** Kind of the notice. Without one, no notice is emitted. */
  readonly kind?: string;
  /** Added to the text, e.g. `72 values wait`. */
  readonly more?: string;
}

/** Number of outages within an hour from which one is unstable, and reported by their number only. */
export const UNSTABLE_OUTAGES = 3;
/** Duration from which an outage of something unstable is reported on its own. */
export const LASTING_MS = 600_000;
/** Maximum number of devices named in a log line. */
const MAX_NAMED = 5;

export type Phase = "began" | "unstable" | "lasting" | "ended" | "stable";

/** One thing to report, as it was when it happened. */
export interface Report {
  readonly phase: Phase;
  readonly failure: Failure;
  readonly recovery: Recovery;
  readonly durationMs: number;
  readonly failures: number;
  /** Number of outages, where it is or was unstable. */
  readonly outages?: number | undefined;
  readonly isNewCause: boolean;
}

/** Returns the text of reports of one phase. `all`: number of devices of the group that fail. */
export function textOf(reports: readonly Report[], all = 0): string {
  const { phase, failure, recovery, outages } = reports[0]!;
  const devices = devicesOf(reports);
  const isGroup = failure.group && devices.length > 1;
  const failing = isGroup ? failure.group.failing(devices.length) : failure.text;
  const works = isGroup ? failure.group.working(devices.length) : recovery.text;
  const ms = Math.max(...reports.map(({ durationMs }) => durationMs));
  const longest = `${isGroup ? "at most " : ""}${duration(ms)}`;
  const failures = reports.reduce((sum, report) => sum + report.failures, 0);
  const failed = failures === 1 ? "1 attempt failed" : `${counted(failures)} attempts failed`;
  const others = isGroup && all > devices.length ? ` (${all} in all)` : "";
  const rest = isGroup && all > 0 ? `${all} still ${all === 1 ? "fails" : "fail"}` : recovery.more;
  const after = (text: string | undefined) => (text === undefined ? "" : `; ${text}`);
  const times = isGroup ? "several" : outages;
  switch (phase) {
    case "began":
      if (outages !== undefined && ms >= LASTING_MS)
        return `${failing}: ${causesOf(reports)}; for ${longest} now, after ${times} outages`;
      return `${failing}${others}: ${causesOf(reports)}${after(failure.next)}`;
    case "unstable":
      return `${failing}: ${causesOf(reports)}; unstable: ${isGroup ? "each had " : ""}${UNSTABLE_OUTAGES} outages within an hour, further ones are counted until ${isGroup ? "a device" : "it"} has worked for an hour`;
    case "lasting": {
      const news = reports.filter(({ isNewCause }) => isNewCause);
      const now = news.length > 0 ? `; the cause is now: ${causesOf(news)}` : "";
      const number = outages === undefined ? "" : `unstable, ${isGroup ? "" : `${outages} outages, `}`;
      return `${failing}: ${number}for ${longest} now, ${failed}${now}`;
    }
    case "ended":
      return `${works} after ${longest}${failures > 0 ? `; ${failed}` : ""}${after(rest)}`;
    case "stable":
      return `${works}, for an hour now; it was unstable for ${longest} before: ${times} outages, ${failed}${after(rest)}`;
  }
}

/** Returns the most common cause, the second one, and the number of others. */
function causesOf(reports: readonly Report[]): string {
  const causes = new Map<string, { readonly text: string; count: number }>();
  for (const { failure } of reports) {
    const key = similar(failure.cause);
    const known = causes.get(key) ?? { text: failure.cause, count: 0 };
    causes.set(key, known);
    known.count++;
  }
  const [first, second, ...others] = [...causes.values()].sort((a, b) => b.count - a.count);
  if (!second) return first!.text;
  const texts = [first!, second].map(({ text, count }) => `${text} (${count})`);
  if (others.length > 0) texts.push(others.length === 1 ? "1 other cause" : `${others.length} other causes`);
  return texts.join("; ");
}

export function devicesOf(reports: readonly Report[]): string[] {
  return [...new Set(reports.map(({ failure }) => failure.device ?? failure.key))];
}

/** Returns the log fields that name what fails. */
export function namesOf(reports: readonly Report[]): LogFields {
  const devices = devicesOf(reports);
  const { device, group } = reports[0]!.failure;
  if (devices.length > 1) return { count: devices.length, devices: someOf(devices) };
  const members = reports.flatMap(({ failure: { member } }) => (member === undefined ? [] : [member]));
  return {
    ...(device !== undefined && { device }),
    ...(group?.membersField && { [group.membersField]: someOf(members) }),
  };
}

export function figuresOf(reports: readonly Report[]): LogFields {
  if (reports[0]!.phase === "began") return {};
  const outages = reports[0]!.outages;
  return {
    ...(outages !== undefined && { outages }),
    duration_s: Math.max(...reports.map(({ durationMs }) => seconds(durationMs))),
    failures: reports.reduce((sum, report) => sum + report.failures, 0),
  };
}

/** Shortens a list of names for a message. */
function someOf(names: readonly string[]): string[] {
  const shown = names.slice(0, MAX_NAMED);
  return names.length > shown.length ? [...shown, `and ${names.length - shown.length} more`] : shown;
}

/** Returns a cause without numbers, such as the seconds until the next attempt: what is left distinguishes causes. */
export function similar(cause: string): string {
  return cause.replaceAll(/\d+/g, "#");
}

export function seconds(ms: number): number {
  return Math.round(ms / 1000);
}

function counted(count: number): string {
  return count.toLocaleString("en-US");
}

/** Formats a duration by its two largest units: `3 h 12 min`. */
function duration(ms: number): string {
  const total = Math.max(seconds(ms), 1);
  const units: [number, string][] = [
    [Math.floor(total / 86_400), "d"],
    [Math.floor(total / 3600) % 24, "h"],
    [Math.floor(total / 60) % 60, "min"],
    [total % 60, "s"],
  ];
  const first = units.findIndex(([count]) => count > 0);
  return units
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ");
}

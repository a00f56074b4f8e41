import type { Notice } from "../bus.ts";
import { type Clock, systemClock } from "../time/clock.ts";
import type { Log, LogFields } from "./log.ts";

export type { NoticeOutage } from "../bus.ts";

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

/** What parts that call something report to. */
export type OutageReports = Pick<Outages, "failed" | "ended" | "forget">;

export interface OutagesOptions {
  readonly log: Log;
  /** Emits a notice, where operators are to have one besides the log line. */
  readonly notify?: ((notice: Notice) => void) | undefined;
  readonly clock?: Clock | undefined;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Number of outages within an hour from which one is unstable, and reported by their number only. */
const UNSTABLE_OUTAGES = 3;
/** Duration from which an outage of something unstable is reported on its own. */
const LASTING_MS = 600_000;
/** Time for which failures of a group are gathered into one line, by the number of its lines within {@link WINDOW_MS}. */
const GATHER_MS = [1000, 10_000, 60_000, 120_000];
const WINDOW_MS = 600_000;
/** Time without an attempt after which an outage is forgotten: what failed no longer exists. */
const ABANDONED_MS = 8 * DAY_MS;
/** Time by which a line about what lasts may be early, to share the line of others of its group. */
const EARLY_MS = 300_000;
/** Maximum number of devices named in a log line. */
const MAX_NAMED = 5;

interface Outage {
  failure: Failure;
  isFailing: boolean;
  since: number;
  endedAt: number;
  /** Failed attempts of this outage. */
  failures: number;
  failedAt: number;
  /** Reported cause, as {@link similar} returns it, and reported kinds with their severities. */
  cause: string;
  readonly kinds: Set<string>;
  progress: Progress;
  /** Outages that began within the last hour, this one last. */
  recent: { readonly at: number; failures: number }[];
  unstable?: { readonly since: number; outages: number; failures: number };
  recovery: Recovery;
}

/** Next line about something that lasts: after an hour, and at each doubling up to a day. */
interface Progress {
  at: number;
  stepMs: number;
  /** When it was written. */
  writtenAt: number;
}

type Phase = "began" | "unstable" | "lasting" | "ended" | "stable";

/** One thing to report, as it was when it happened. */
interface Report {
  readonly phase: Phase;
  readonly failure: Failure;
  readonly recovery: Recovery;
  readonly durationMs: number;
  readonly failures: number;
  /** Number of outages, where it is or was unstable. */
  readonly outages?: number | undefined;
  readonly isNewCause: boolean;
}

interface Gathering {
  reports: Report[];
  /** Times of the last lines. */
  written: number[];
  cancel: (() => void) | undefined;
}

/**
 * Reports what does not work: the first failure at once with its cause, further ones by their number after an hour and at
 * each doubling up to a day, and the end with duration and number. What fails three times within an hour is unstable: its
 * outages are counted, and reported on their own only when they last, until it has worked for an hour.
 */
export class Outages {
  readonly #log: Log;
  readonly #notify: ((notice: Notice) => void) | undefined;
  readonly #clock: Clock;
  readonly #outages = new Map<string, Outage>();
  readonly #gatherings = new Map<string, Gathering>();
  #cancelCheck: (() => void) | undefined;
  #isStopped = false;

  constructor({ log, notify, clock = systemClock }: OutagesOptions) {
    this.#log = log;
    this.#notify = notify;
    this.#clock = clock;
  }

  isFailing(key: string): boolean {
    return this.#outages.get(key)?.isFailing === true;
  }

  /** Called at each failed attempt. A failure of another kind or graver severity is reported at once. */
  failed(failure: Failure): void {
    const now = this.#clock.monotonic();
    const outage = this.#outageOf(failure);
    const wasUnstable = outage.unstable !== undefined;
    const isFirst = !outage.isFailing;
    outage.failure = failure;
    if (isFirst) this.#begin(outage, now);
    const { failures, kinds, recent, unstable } = outage;
    const attempts = failure.attempts ?? 1;
    outage.failures = failures + attempts;
    outage.failedAt = now;
    recent.at(-1)!.failures += attempts;
    if (unstable) unstable.failures += attempts;
    const kind = `${failure.kind} ${failure.severity}`;
    const isNewKind = !kinds.has(kind);
    kinds.add(kind);
    if (unstable && !wasUnstable) this.#report("unstable", outage);
    else if (isNewKind) this.#report("began", outage);
    this.#checkLater();
  }

  /** Called when an attempt succeeded. Returns whether attempts failed before. */
  ended(key: string, recovery: Recovery): boolean {
    const outage = this.#outages.get(key);
    if (!outage?.isFailing) return false;
    outage.isFailing = false;
    outage.endedAt = this.#clock.monotonic();
    outage.recovery = recovery;
    if (!outage.unstable) this.#report("ended", outage);
    return true;
  }

  /** Called when something no longer exists. */
  forget(key: string): void {
    this.#outages.delete(key);
  }

  /** Writes what is gathered, and ends the timers. Later reports are written at once. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelCheck?.();
    for (const gathering of this.#gatherings.values()) this.#flush(gathering);
  }

  #outageOf(failure: Failure): Outage {
    const known = this.#outages.get(failure.key);
    if (known) return known;
    const outage: Outage = {
      failure,
      isFailing: false,
      since: 0,
      endedAt: 0,
      failures: 0,
      failedAt: 0,
      cause: "",
      kinds: new Set(),
      progress: { at: 0, stepMs: HOUR_MS, writtenAt: 0 },
      recent: [],
      recovery: { text: "works again" },
    };
    this.#outages.set(failure.key, outage);
    return outage;
  }

  #begin(outage: Outage, now: number): void {
    outage.isFailing = true;
    outage.since = now;
    outage.failures = 0;
    outage.recent = [...outage.recent.filter(({ at }) => now - at < HOUR_MS), { at: now, failures: 0 }];
    if (outage.unstable) {
      outage.unstable.outages++;
      return;
    }
    const { kinds, recent } = outage;
    kinds.clear();
    outage.progress = { at: now + HOUR_MS, stepMs: HOUR_MS, writtenAt: now };
    if (recent.length < UNSTABLE_OUTAGES) return;
    const failures = recent.reduce((sum, one) => sum + one.failures, 0);
    outage.unstable = { since: recent[0]!.at, outages: recent.length, failures };
  }

  #report(phase: Phase, outage: Outage): void {
    const { failure, recovery, unstable } = outage;
    const now = this.#clock.monotonic();
    const isOver = phase === "ended" || phase === "stable";
    const of = phase === "began" || phase === "ended" ? outage : (unstable ?? outage);
    const cause = similar(failure.cause);
    const report: Report = {
      ...{ phase, failure, recovery, failures: of.failures },
      durationMs: (isOver ? outage.endedAt : now) - of.since,
      outages: unstable?.outages,
      isNewCause: cause !== outage.cause,
    };
    outage.cause = cause;
    if (phase !== "lasting") this.#notifyOf(report);
    const { group } = failure;
    if (!group || this.#isStopped) this.#write([report]);
    else this.#gather(group.name, report);
  }

  #gather(name: string, report: Report): void {
    const gathering = this.#gatherings.get(name) ?? { reports: [], written: [], cancel: undefined };
    this.#gatherings.set(name, gathering);
    gathering.reports.push(report);
    const now = this.#clock.monotonic();
    gathering.written = gathering.written.filter((at) => now - at < WINDOW_MS);
    const ms = GATHER_MS[gathering.written.length] ?? GATHER_MS.at(-1)!;
    gathering.cancel ??= this.#clock.after(ms, () => this.#flush(gathering));
  }

  #flush(gathering: Gathering): void {
    gathering.cancel?.();
    gathering.cancel = undefined;
    const { reports } = gathering;
    gathering.reports = [];
    for (const phase of ["began", "unstable", "lasting", "ended", "stable"] as const) {
      const same = reports.filter((report) => report.phase === phase);
      if (same.length === 0) continue;
      gathering.written.push(this.#clock.monotonic());
      this.#write(same);
    }
  }

  #write(reports: readonly Report[]): void {
    const { phase, failure, recovery } = reports[0]!;
    const isOver = phase === "ended" || phase === "stable";
    const isGrave = reports.some((report) => report.failure.severity === "error");
    const level = isOver ? "info" : isGrave ? "error" : "warn";
    const kind = isOver ? (recovery.kind ?? failure.kind) : failure.kind;
    const all = failure.group ? this.#countFailing(failure.group) : 0;
    const isRest = all > (isOver ? 0 : devicesOf(reports).length);
    this.#log[level](textOf(reports, all), {
      ...{ kind, outage: phase, ...namesOf(reports), ...figuresOf(reports) },
      ...(isRest && { all_failing: all }),
    });
  }

  /** Returns the number of a group's devices that fail now. */
  #countFailing({ name }: OutageGroup): number {
    const devices = new Set<string>();
    for (const { failure, isFailing } of this.#outages.values())
      if (isFailing && failure.group?.name === name) devices.add(failure.device ?? failure.key);
    return devices.size;
  }

  #notifyOf(report: Report): void {
    const { phase, failure, recovery, durationMs, failures } = report;
    const isOver = phase === "ended" || phase === "stable";
    const kind = isOver ? recovery.kind : failure.kind;
    if (!this.#notify || failure.logOnly || kind === undefined) return;
    const { severity = "warning", device, key } = failure;
    this.#notify({
      severity: isOver ? "info" : severity,
      kind,
      text: textOf([report]),
      at: new Date(this.#clock.now()),
      ...(device !== undefined && { device }),
      outage: { of: key, ended: isOver, seconds: seconds(durationMs), failures },
    });
  }

  #checkLater(): void {
    if (this.#isStopped || this.#cancelCheck || this.#outages.size === 0) return;
    this.#cancelCheck = this.#clock.after(MINUTE_MS, () => {
      this.#cancelCheck = undefined;
      const now = this.#clock.monotonic();
      const due = new Set(
        [...this.#outages.values()].filter(({ progress }) => now >= progress.at).map(groupOf),
      );
      for (const outage of this.#outages.values())
        this.#check(outage, now, due.has(groupOf(outage)) ? now + EARLY_MS : now);
      this.#checkLater();
    });
  }

  /** `dueUntil`: time up to which lines about what lasts are written now. */
  #check(outage: Outage, now: number, dueUntil: number): void {
    const { isFailing, unstable, progress } = outage;
    if (unstable && isFailing && now - outage.since >= LASTING_MS) {
      this.#report("began", outage);
      outage.unstable = undefined;
      outage.recent = outage.recent.slice(-1);
      outage.progress = { at: outage.since + HOUR_MS, stepMs: HOUR_MS, writtenAt: now };
    } else if (isFailing && now - outage.failedAt >= ABANDONED_MS) {
      this.#outages.delete(outage.failure.key);
    } else if (!isFailing && now - outage.endedAt >= HOUR_MS) {
      if (unstable) this.#report("stable", outage);
      this.#outages.delete(outage.failure.key);
    } else if ((isFailing || (unstable && now - outage.endedAt < LASTING_MS)) && dueUntil >= progress.at) {
      // Where nothing was tried since, there is no news.
      if (outage.failedAt > progress.writtenAt) this.#report("lasting", outage);
      progress.writtenAt = now;
      progress.at += progress.stepMs;
      progress.stepMs = Math.min(progress.stepMs * 2, DAY_MS);
    }
  }
}

/** Returns what shares lines: a group, or else only the outage itself. */
function groupOf(outage: Outage): string | Outage {
  return outage.failure.group?.name ?? outage;
}

/** Returns the text of reports of one phase. `all`: number of devices of the group that fail. */
function textOf(reports: readonly Report[], all = 0): string {
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

function devicesOf(reports: readonly Report[]): string[] {
  return [...new Set(reports.map(({ failure }) => failure.device ?? failure.key))];
}

/** Returns the log fields that name what fails. */
function namesOf(reports: readonly Report[]): LogFields {
  const devices = devicesOf(reports);
  const { device, group } = reports[0]!.failure;
  if (devices.length > 1) return { count: devices.length, devices: someOf(devices) };
  const members = reports.flatMap(({ failure: { member } }) => (member === undefined ? [] : [member]));
  return {
    ...(device !== undefined && { device }),
    ...(group?.membersField && { [group.membersField]: someOf(members) }),
  };
}

function figuresOf(reports: readonly Report[]): LogFields {
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
function similar(cause: string): string {
  return cause.replaceAll(/\d+/g, "#");
}

function seconds(ms: number): number {
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

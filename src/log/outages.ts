import type { Notice } from "../bus.ts";
import { type Clock, systemClock } from "../time/clock.ts";
import type { Log } from "./log.ts";
import {
  devicesOf,
  type Failure,
  figuresOf,
  LASTING_MS,
  namesOf,
  type OutageGroup,
  type Phase,
  type Recovery,
  type Report,
  seconds,
  similar,
  textOf,
  UNSTABLE_OUTAGES,
} from "./outage-report.ts";

export type { NoticeOutage } from "../bus.ts";
export type { Failure, OutageGroup, Recovery } from "./outage-report.ts";

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
/** Time for which failures of a group are gathered into one line, by the number of its lines within {@link WINDOW_MS}. */
const GATHER_MS = [1000, 10_000, 60_000, 120_000];
const WINDOW_MS = 600_000;
/** Time without an attempt after which an outage is forgotten: what failed no longer exists. */
const ABANDONED_MS = 8 * DAY_MS;
/** Time by which a line about what lasts may be early, to share the line of others of its group. */
const EARLY_MS = 300_000;

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

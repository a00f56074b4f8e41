import type { Notice } from "../../bus.ts";
import type { HistorianSettings } from "../../config/index.ts";
import { type Log, messageOf } from "../../log/log.ts";
import { Outages } from "../../log/outages.ts";
import type { QueueCounters } from "../../queue/contract.ts";
import type { Clock } from "../../time/clock.ts";
import type { Sample } from "../contract.ts";
import type { HistorianError } from "../errors.ts";
import type { SetAside } from "../ingest/index.ts";
import type { Loss } from "../record/losses.ts";
import { isOwnTopic } from "../storable.ts";
import { formatTime } from "../time.ts";

/**
 * The balance, in values, exact over restarts and crashes: accepted = delivered + waiting + the sum of dropped + the sum of
 * deadLettered.
 */
export interface DeliveryCounters {
  readonly accepted: number;
  readonly delivered: number;
  readonly waiting: number;
  /** By reason. */
  readonly dropped: Readonly<Record<string, number>>;
  /** By reason. */
  readonly deadLettered: Readonly<Record<string, number>>;
  /** Age of the oldest waiting data; 0 when nothing waits. */
  readonly lagSeconds: number;
  /** Why and since when the store accepts nothing; absent while it does. */
  readonly failing?: { readonly since: string; readonly error: string };
  /** Durations of the calls since the start, with `gather_timing_data`. */
  readonly timing?: Timing;
}

export interface Timing {
  readonly calls: number;
  readonly values: number;
  readonly meanMs: number;
  readonly maxMs: number;
}

/** Maximum number of topics whose dead letters are reported; each is reported once. */
const MAX_REPORTED_TOPICS = 1000;

const SPOOL = {
  read: { failing: "the spool cannot be read", next: "retrying in 1 s", works: "the spool is read again" },
  removal: {
    failing: "delivered history could not be removed from the spool",
    next: "it may be delivered again, which changes nothing",
    works: "delivered history is removed from the spool again",
  },
} as const;
/** The queue emits notices of its disk. */
const QUIETLY = { severity: "error", logOnly: true } as const;

interface Parts {
  readonly settings: Pick<HistorianSettings, "messagePublishCount" | "gatherTimingData">;
  readonly log: Log;
  readonly onNotice: (notice: Notice) => void;
  readonly clock: Clock;
}

/** Reports the delivery to operators: each change once, not each attempt. */
export class DeliveryReports {
  readonly #parts: Parts;
  readonly #outages: Outages;
  readonly #rejectedTopics = new Set<string>();
  readonly #asideTopics = new Set<string>();
  #failing: { readonly error: HistorianError; readonly since: Date } | undefined;
  #lost: Loss | undefined;
  #values = 0;
  #calls = 0;
  #totalMs = 0;
  #maxMs = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#outages = new Outages({ ...parts, notify: parts.onNotice });
  }

  stop(): void {
    this.#outages.stop();
  }

  failed(error: HistorianError): void {
    const known = this.#failing;
    this.#failing = { error, since: known?.since ?? new Date(this.#parts.clock.now()) };
    this.#outages.failed({
      ...{ key: "store", kind: "historian_failing", cause: error.message },
      text: "history is not being stored, values wait on disk",
      severity: error.kind === "retry" ? "warning" : "error",
    });
  }

  /** Called when the spool cannot be read, or delivered values cannot be removed from it. */
  spoolFailed(what: keyof typeof SPOOL, error: unknown): void {
    const { failing: text, next } = SPOOL[what];
    const cause = messageOf(error);
    this.#outages.failed({ key: `spool ${what}`, kind: "spool_failing", text, cause, next, ...QUIETLY });
  }

  spoolWorks(what: keyof typeof SPOOL): void {
    this.#outages.ended(`spool ${what}`, { text: SPOOL[what].works });
  }

  /** Called when a batch was stored. `waiting`: values in the spool. */
  stored(values: number, ms: number, waiting: number): void {
    const { messagePublishCount, gatherTimingData } = this.#parts.settings;
    const before = this.#values;
    this.#values += values;
    this.#calls += 1;
    this.#totalMs += ms;
    this.#maxMs = Math.max(this.#maxMs, ms);
    if (Math.floor(before / messagePublishCount) < Math.floor(this.#values / messagePublishCount))
      this.#parts.log.info(`${this.#values} values stored since the start`, {
        waiting,
        ...(gatherTimingData && { ...this.#timing() }),
      });
    const more = `${waiting} values wait`;
    this.#outages.ended("store", { text: "history is stored again", kind: "historian_recovered", more });
    this.#failing = undefined;
  }

  /** Called when a sample became a dead letter because the store did not take it. */
  deadLettered({ topic, time }: Sample, reason: string): void {
    if (Number.isSafeInteger(time) && !isOwnTopic(topic)) this.#lost = widened(this.#lost, time / 1000);
    if (!isNew(this.#rejectedTopics, topic)) return;
    const text = `"${topic}" at ${when(time)} cannot be stored and was moved to the dead letters: ${reason}`;
    this.#report("warning", "historian_rejected", text);
  }

  /** Called when a sample became a dead letter without an attempt to store it. No loss: its time may be any. */
  setAside({ topic, time }: Sample, { detail }: SetAside): void {
    if (!isNew(this.#asideTopics, topic)) return;
    const text = `"${topic}" at ${when(time)} was set aside as a dead letter: ${detail}; "voltbridge deadletter list" shows them, "retry" stores them`;
    this.#report("warning", "historian_set_aside", text);
  }

  /** Returns the dead letters since the previous call. */
  takeDeadLetters(): Loss[] {
    const lost = this.#lost;
    this.#lost = undefined;
    return lost ? [lost] : [];
  }

  counters(queue: QueueCounters): DeliveryCounters {
    const { accepted, delivered, waiting, dropped, deadLettered, oldest } = queue;
    const age = oldest ? this.#parts.clock.now() - oldest.getTime() : 0;
    return {
      accepted,
      delivered,
      waiting,
      dropped,
      deadLettered,
      lagSeconds: Math.max(0, Math.round(age / 1000)),
      ...(this.#failing && {
        failing: { since: this.#failing.since.toISOString(), error: this.#failing.error.message },
      }),
      ...(this.#parts.settings.gatherTimingData && { timing: this.#timing() }),
    };
  }

  #timing(): Timing {
    const mean = this.#calls === 0 ? 0 : this.#totalMs / this.#calls;
    return { calls: this.#calls, values: this.#values, meanMs: tenths(mean), maxMs: tenths(this.#maxMs) };
  }

  #report(severity: Notice["severity"], kind: string, text: string): void {
    const { log, onNotice, clock } = this.#parts;
    log[severity === "warning" ? "warn" : severity](text, { kind });
    onNotice({ severity, kind, text, at: new Date(clock.now()) });
  }
}

function widened(loss: Loss | undefined, time: number): Loss {
  const { values, from, to } = loss ?? { values: 0, from: time, to: time };
  return { reason: "dead_letter", values: values + 1, from: Math.min(from, time), to: Math.max(to, time) };
}

/** Returns whether a topic is to be reported, and remembers it. */
function isNew(reported: Set<string>, topic: string): boolean {
  if (reported.has(topic) || reported.size >= MAX_REPORTED_TOPICS) return false;
  reported.add(topic);
  return true;
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}

/** Formats a sample's time; a rejected sample may have an invalid one. */
function when(time: number): string {
  return Number.isSafeInteger(time) ? formatTime(time) : String(time);
}

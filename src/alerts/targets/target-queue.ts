import { randomUUID } from "node:crypto";
import { messageOf } from "../../log/log.ts";
import type { Notices } from "../../log/notices.ts";
import type { OutageReports } from "../../log/outages.ts";
import type { AlertMessage, PointValue } from "../../points/index.ts";
import type { StateNamespace } from "../../storage/state-store.ts";
import { type Backoff, backoff, jittered } from "../../time/backoff.ts";
import type { Clock } from "../../time/clock.ts";
import { type Outgoing, type Target, TargetError } from "./target.ts";

/** Maximum number of messages that wait for a target; the oldest are dropped, and counted. */
const MOST_WAITING = 1000;
const RETRIES: Backoff = { first: 5000, longest: 3_600_000 };
/** Maximum pause that a target may ask for, in seconds. */
const LONGEST_PAUSE_SECONDS = 86_400;

export interface TargetCounters {
  readonly waiting: number;
  readonly sent: number;
  /** Refused by the target for good. */
  readonly refused: number;
  /** Too many were waiting. */
  readonly dropped: number;
}

export interface TargetQueueOptions {
  readonly name: string;
  readonly target: Target;
  /** What waits, by key; the keys are in the order of sending. */
  readonly store: StateNamespace;
  readonly clock: Clock;
  readonly notices: Notices;
  readonly outages: OutageReports;
  /** Called with the id of an alert whose beginning was dropped or refused. */
  readonly onLost: (id: string) => void;
}

interface Waiting extends Outgoing {
  readonly queuedAt: number;
}

/** Messages for one target, on disk until it has them: bounded, in order, retried with growing pauses. Other targets never wait for it. */
export class TargetQueue {
  readonly #options: TargetQueueOptions;
  readonly #waiting = new Map<string, Waiting>();
  readonly #inFlight = new Set<string>();
  readonly #ending = new AbortController();
  readonly #counts = { sent: 0, refused: 0, dropped: 0 };
  #lastKey: number;
  #failures = 0;
  #cancelTimer: (() => void) | undefined;
  #sending: Promise<void> | undefined;

  constructor(options: TargetQueueOptions) {
    this.#options = options;
    const now = options.clock.monotonic();
    for (const [key, saved] of options.store.records(isSaved))
      if (key.startsWith(this.#prefix)) this.#waiting.set(key, { ...saved, queuedAt: now });
    this.#lastKey = Number([...this.#waiting.keys()].at(-1)?.slice(this.#prefix.length) ?? 0);
  }

  get counters(): TargetCounters {
    return { waiting: this.#waiting.size, ...this.#counts };
  }

  get #prefix(): string {
    return `${this.#options.name}\n`;
  }

  /** Sends what waits from an earlier run. */
  start(): void {
    this.#schedule(0);
  }

  /** Ends the attempt in progress; what waits stays on disk. */
  async stop(): Promise<void> {
    this.#cancelTimer?.();
    this.#ending.abort(new Error("the bridge stops"));
    await this.#sending;
    await this.#options.target.close?.();
  }

  add(message: AlertMessage): void {
    const changes: [string, PointValue][] = [];
    const drop = (key: string) => {
      this.#waiting.delete(key);
      changes.push([key, null]);
    };
    const unsent = [...this.#waiting].filter(
      ([key, one]) => one.message.id === message.id && !this.#inFlight.has(key),
    );
    const isNew = unsent.some(
      ([, one]) => one.message.state === "raised" && one.message.repeat === undefined,
    );
    // A repeat that was not sent is superseded; a pair of which nothing was sent says nothing.
    for (const [key, one] of unsent)
      if (isNew ? message.state === "cleared" : one.message.repeat !== undefined) drop(key);
    if (!isNew) {
      const key = `${this.#prefix}${String(++this.#lastKey).padStart(12, "0")}`;
      const outgoing = { id: `msg_${randomUUID()}`, message };
      this.#waiting.set(key, { ...outgoing, queuedAt: this.#options.clock.monotonic() });
      changes.push([key, JSON.parse(JSON.stringify(outgoing)) as PointValue]);
    }
    for (const [key, { message: oldest }] of this.#waiting) {
      if (this.#waiting.size <= MOST_WAITING) break;
      if (this.#inFlight.has(key)) continue;
      drop(key);
      this.#counts.dropped++;
      for (const other of this.#lost(oldest)) drop(other);
    }
    this.#options.store.setAll(changes);
    if (!this.#cancelTimer && !this.#sending) this.#schedule(this.#options.target.gatherMs);
  }

  #schedule(ms: number): void {
    if (this.#ending.signal.aborted || this.#waiting.size === 0) return;
    this.#cancelTimer = this.#options.clock.after(ms, () => {
      this.#cancelTimer = undefined;
      this.#sending = this.#send().finally(() => {
        this.#sending = undefined;
      });
    });
  }

  async #send(): Promise<void> {
    const { target, name, notices, outages } = this.#options;
    const batch = [...this.#waiting].slice(0, target.mostTogether);
    for (const [key] of batch) this.#inFlight.add(key);
    let pauseMs = 0;
    try {
      const partly = await target.send(
        batch.map(([, one]) => one),
        this.#ending.signal,
      );
      this.#done(batch, "sent");
      if (partly !== undefined)
        notices.say(
          "warning",
          "alert_refused",
          `some recipients of the alert target ${name} get nothing: ${partly}`,
        );
      if (!target.isSilent)
        outages.ended(name, {
          kind: "alert_target_works",
          text: `the alert target ${name} takes messages again`,
        });
      this.#failures = 0;
      const [, next] = [...this.#waiting][0] ?? [];
      if (next) pauseMs = Math.max(0, next.queuedAt + target.gatherMs - this.#options.clock.monotonic());
    } catch (error) {
      if (this.#ending.signal.aborted) return;
      const { isFinal = false, retryAfterSeconds = 0 } = error instanceof TargetError ? error : {};
      if (isFinal) {
        this.#done(batch, "refused");
        notices.say(
          "error",
          "alert_refused",
          `the alert target ${name} does not take a message: ${messageOf(error)}`,
        );
      } else {
        this.#failures++;
        const asked = Math.min(retryAfterSeconds, LONGEST_PAUSE_SECONDS) * 1000;
        pauseMs = Math.max(asked, jittered(backoff(target.retries ?? RETRIES, Math.min(this.#failures, 20))));
        if (!target.isSilent)
          outages.failed({
            key: name,
            kind: "alert_target_failing",
            text: `the alert target ${name} gets no messages`,
            cause: messageOf(error),
            next: "they wait, and are sent again",
          });
      }
    } finally {
      this.#inFlight.clear();
      this.#schedule(pauseMs);
    }
  }

  /** Returns the keys of what waits and says nothing without a message that was lost: the end of an alert whose beginning it was. */
  #lost({ id, state, repeat }: AlertMessage): string[] {
    if (state !== "raised" || repeat !== undefined) return [];
    this.#options.onLost(id);
    return [...this.#waiting].filter(([, { message }]) => message.id === id).map(([key]) => key);
  }

  #done(batch: readonly (readonly [key: string, one: Waiting])[], how: "sent" | "refused"): void {
    for (const [key] of batch) this.#waiting.delete(key);
    this.#counts[how] += batch.length;
    const useless = how === "refused" ? batch.flatMap(([, { message }]) => this.#lost(message)) : [];
    for (const key of useless) this.#waiting.delete(key);
    const keys = [...batch.map(([key]) => key), ...useless];
    this.#options.store.setAll(keys.map((key): [string, PointValue] => [key, null]));
  }
}

function isSaved(value: unknown): value is Outgoing {
  const { id, message } = (value ?? {}) as Partial<Outgoing>;
  if (typeof id !== "string" || typeof message !== "object" || message === null) return false;
  const { subjects, count, ...texts } = message;
  const named = [texts.id, texts.state, texts.rule, texts.severity, texts.since, texts.at, texts.text];
  return (
    named.every((one) => typeof one === "string") && Array.isArray(subjects) && typeof count === "number"
  );
}

import type { Log } from "../../log/log.ts";
import { EXPECTED_REASONS, type Ignored, type IgnoreReason, type Ingested } from "./message.ts";

/** Counters since the start. */
export interface IngestCounters {
  /** Messages. */
  readonly received: number;
  /** Values that are stored, or on disk with their message acknowledged. */
  readonly stored: number;
  /** Values set aside as dead letters: their time is further from their arrival than `time_tolerance`. Absent: none. */
  readonly setAside?: number;
  /** By reason: messages, and single points of messages. */
  readonly ignored: Readonly<Partial<Record<IgnoreReason, number>>>;
}

/** Maximum number of topics logged per reason; further ones are only counted. */
const TOPICS_PER_REASON = 20;
const REPORT_MS = 600_000;
const LONGEST_SHOWN = 200;

/** Counts messages by result and logs those that are invalid: once for each reason and topic, within bounds. */
export class MessageCounters {
  readonly #log: Log;
  readonly #now: () => number;
  readonly #ignored = new Map<IgnoreReason, number>();
  readonly #reported = new Map<IgnoreReason, Reported>();
  #received = 0;
  #stored = 0;
  #setAside = 0;

  /** `now`: milliseconds of a monotonic clock. */
  constructor(log: Log, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#now = now;
  }

  get counters(): IngestCounters {
    return {
      received: this.#received,
      stored: this.#stored,
      ...(this.#setAside > 0 && { setAside: this.#setAside }),
      ignored: Object.fromEntries(this.#ignored),
    };
  }

  received(topic: string, { ignored }: Pick<Ingested, "samples" | "ignored">): void {
    this.#received++;
    for (const one of ignored) this.#countIgnored(topic, one);
  }

  stored(values: number): void {
    this.#stored += values;
  }

  setAside(values: number): void {
    this.#setAside += values;
  }

  #countIgnored(topic: string, { reason, detail }: Ignored): void {
    this.#ignored.set(reason, (this.#ignored.get(reason) ?? 0) + 1);
    if ((EXPECTED_REASONS as readonly string[]).includes(reason)) return;
    const reported = this.#reported.get(reason) ?? { topics: new Set<string>(), more: 0, since: this.#now() };
    this.#reported.set(reason, reported);
    if (reported.topics.has(topic)) return;
    if (reported.topics.size < TOPICS_PER_REASON) {
      reported.topics.add(topic);
      const shown = topic.length > LONGEST_SHOWN ? `${topic.slice(0, LONGEST_SHOWN)}…` : topic;
      this.#log.warn(`message not stored: ${detail}`, { reason, topic: shown });
      return;
    }
    reported.more++;
    if (this.#now() - reported.since < REPORT_MS) return;
    this.#log.warn("messages of further topics are not stored", { reason, messages: reported.more });
    reported.more = 0;
    reported.since = this.#now();
  }
}

interface Reported {
  readonly topics: Set<string>;
  /** Messages of further topics since the last report. */
  more: number;
  since: number;
}

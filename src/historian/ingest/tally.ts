import type { Log } from "../../log/log.ts";
import { EXPECTED_REASONS, type Ignored, type IgnoreReason, type Ingested } from "./message.ts";

/** Since the start. */
export interface IngestCounters {
  /** Messages. */
  readonly received: number;
  /** Values that are stored, or on their way with their message acknowledged. */
  readonly stored: number;
  /** By reason: messages, and single points of messages. */
  readonly ignored: Readonly<Partial<Record<IgnoreReason, number>>>;
}

/** Topics of one reason that the log names; after these only their number is told. */
const TOPICS_PER_REASON = 20;
const REPORT_MS = 600_000;
const LONGEST_SHOWN = 200;

/** Counts what becomes of messages, and says what is wrong with some: once for each reason and topic, within bounds. */
export class Tally {
  readonly #log: Log;
  readonly #now: () => number;
  readonly #ignored = new Map<IgnoreReason, number>();
  readonly #told = new Map<IgnoreReason, Told>();
  #received = 0;
  #stored = 0;

  /** `now`: milliseconds of a clock that does not jump. */
  constructor(log: Log, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#now = now;
  }

  get counters(): IngestCounters {
    return { received: this.#received, stored: this.#stored, ignored: Object.fromEntries(this.#ignored) };
  }

  received(topic: string, { ignored }: Ingested): void {
    this.#received++;
    for (const one of ignored) this.#count(topic, one);
  }

  stored(values: number): void {
    this.#stored += values;
  }

  #count(topic: string, { reason, detail }: Ignored): void {
    this.#ignored.set(reason, (this.#ignored.get(reason) ?? 0) + 1);
    if ((EXPECTED_REASONS as readonly string[]).includes(reason)) return;
    const told = this.#told.get(reason) ?? { topics: new Set<string>(), more: 0, since: this.#now() };
    this.#told.set(reason, told);
    if (told.topics.has(topic)) return;
    if (told.topics.size < TOPICS_PER_REASON) {
      told.topics.add(topic);
      const shown = topic.length > LONGEST_SHOWN ? `${topic.slice(0, LONGEST_SHOWN)}…` : topic;
      this.#log.warn(`a message is not stored: ${detail}`, { reason, topic: shown });
      return;
    }
    told.more++;
    if (this.#now() - told.since < REPORT_MS) return;
    this.#log.warn("messages of further topics are not stored", { reason, messages: told.more });
    told.more = 0;
    told.since = this.#now();
  }
}

interface Told {
  readonly topics: Set<string>;
  /** Of other topics, since it was told last. */
  more: number;
  since: number;
}

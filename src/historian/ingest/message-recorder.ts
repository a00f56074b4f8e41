import type { HistorianSettings } from "../../config/index.ts";
import type { Log } from "../../log/log.ts";
import type { Sample } from "../contract.ts";
import { ArrivalClock, PreciseClock } from "./arrival-clock.ts";
import { Ingest } from "./ingest.ts";
import { type Ingested, type IngestMessage, type LateSamples, NONE_LATE } from "./message.ts";
import { type IngestCounters, MessageCounters } from "./message-counters.ts";

/** Why samples are set aside: a stable name for counting, and an explanation for people. */
export interface SetAside {
  readonly reason: string;
  readonly detail: string;
}

/** Destination of samples. */
export interface SampleSink {
  /**
   * Resolves with true once the samples are on disk, with false when there was no space and they were counted as dropped. Samples of
   * one turn of the event loop share a commit. `key` names their topic.
   */
  accept(samples: readonly Sample[], key: string): Promise<boolean>;
  /** Keeps samples as dead letters instead of storing them. Resolves as {@link accept}. `arrivedAt`: when they came. */
  setAside(samples: readonly Sample[], key: string, why: SetAside, arrivedAt: Date): Promise<boolean>;
}

export interface MessageRecorderOptions {
  readonly settings: HistorianSettings;
  /** Prefix of every topic, without a trailing slash; empty for none. */
  readonly baseTopic: string;
  readonly sink: SampleSink;
  readonly log: Log;
  /** Microseconds since 1970 UTC. */
  readonly now?: () => number;
}

/** Receives messages of other publishers and passes their samples to the spool. */
export class MessageRecorder {
  readonly #base: string;
  readonly #sink: SampleSink;
  readonly #log: Log;
  readonly #ingest: Ingest;
  readonly #counters: MessageCounters;
  readonly #arrival: ArrivalClock;

  constructor({ settings, baseTopic, sink, log, now }: MessageRecorderOptions) {
    this.#base = baseTopic === "" ? "" : `${baseTopic}/`;
    this.#sink = sink;
    this.#log = log;
    this.#ingest = new Ingest(settings);
    this.#counters = new MessageCounters(log);
    const clock = new PreciseClock();
    this.#arrival = new ArrivalClock(now ?? (() => clock.now()));
  }

  /** Filters to subscribe to, including the base topic. */
  get filters(): readonly string[] {
    return this.#ingest.filters.map((filter) => `${this.#base}${filter}`);
  }

  get counters(): IngestCounters {
    return this.#counters.counters;
  }

  /**
   * Resolves when a message's samples are on disk. A message that cannot be stored resolves too, because the broker would redeliver
   * it forever. Rejects only when the sink does.
   */
  async record(message: Omit<IngestMessage, "arrivedAt">): Promise<void> {
    const topic = message.topic.slice(this.#base.length);
    const arrivedAt = this.#arrival.next();
    const ingested = this.#read({ ...message, topic, arrivedAt });
    this.#counters.received(topic, ingested);
    const { samples, late } = ingested;
    const kept = late.samples.length > 0 && setLateAside(this.#sink, late, topic, arrivedAt);
    if (samples.length > 0 && (await this.#sink.accept(samples, topic)))
      this.#counters.stored(samples.length);
    if (await kept) this.#counters.setAside(late.samples.length);
  }

  #read(message: IngestMessage): Ingested {
    try {
      return this.#ingest.ingest(message);
    } catch (err) {
      this.#log.error("message not stored because of an internal fault; please report it", {
        err,
        topic: message.topic,
      });
      return {
        samples: [],
        late: NONE_LATE,
        ignored: [{ reason: "internal_fault", detail: (err as Error).message }],
      };
    }
  }
}

/** Keeps samples outside of `time_tolerance`, as {@link SampleSink.setAside}. `arrivedAt`: microseconds since 1970 UTC. */
export function setLateAside(
  sink: SampleSink,
  { samples, detail }: LateSamples,
  key: string,
  arrivedAt: number,
): Promise<boolean> {
  return sink.setAside(samples, key, { reason: "time_tolerance", detail }, new Date(arrivedAt / 1000));
}

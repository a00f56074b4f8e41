import type { HistorianSettings } from "../../config/index.ts";
import type { Log } from "../../log/log.ts";
import type { Sample } from "../contract.ts";
import { ArrivalClock, PreciseClock } from "./arrival-clock.ts";
import { Ingest } from "./ingest.ts";
import type { Ingested, IngestMessage } from "./message.ts";
import { type IngestCounters, Tally } from "./tally.ts";

/** Where samples go. */
export interface SampleSink {
  /**
   * Resolves when the samples are on disk: true; false where there was no room for them, which it has counted. Those of one turn
   * of the event loop share a commit. `key` tells what they are about.
   */
  accept(samples: readonly Sample[], key: string): Promise<boolean>;
}

export interface MessageRecorderOptions {
  readonly settings: HistorianSettings;
  /** Before every topic, without a slash at its end; empty for none. */
  readonly baseTopic: string;
  readonly sink: SampleSink;
  readonly log: Log;
  /** Microseconds since 1970 UTC. */
  readonly now?: () => number;
}

/** Takes messages of others, and hands what is to be stored of them to the spool. */
export class MessageRecorder {
  readonly #base: string;
  readonly #sink: SampleSink;
  readonly #log: Log;
  readonly #ingest: Ingest;
  readonly #tally: Tally;
  readonly #arrival: ArrivalClock;

  constructor({ settings, baseTopic, sink, log, now }: MessageRecorderOptions) {
    this.#base = baseTopic === "" ? "" : `${baseTopic}/`;
    this.#sink = sink;
    this.#log = log;
    this.#ingest = new Ingest(settings);
    this.#tally = new Tally(log);
    const clock = new PreciseClock();
    this.#arrival = new ArrivalClock(now ?? (() => clock.now()));
  }

  /** What to subscribe to, base topic included. */
  get filters(): readonly string[] {
    return this.#ingest.filters.map((filter) => `${this.#base}${filter}`);
  }

  get counters(): IngestCounters {
    return this.#tally.counters;
  }

  /**
   * Resolves when what is to be stored of a message is on disk. A message that cannot be stored is done with too: it would come
   * again for ever. Rejects only where the sink does.
   */
  async record(message: Omit<IngestMessage, "arrivedAt">): Promise<void> {
    const topic = message.topic.slice(this.#base.length);
    const ingested = this.#read({ ...message, topic, arrivedAt: this.#arrival.next() });
    this.#tally.received(topic, ingested);
    const { samples } = ingested;
    if (samples.length === 0) return;
    if (await this.#sink.accept(samples, topic)) this.#tally.stored(samples.length);
  }

  #read(message: IngestMessage): Ingested {
    try {
      return this.#ingest.ingest(message);
    } catch (err) {
      this.#log.error("a message is not stored: internal fault, please report it", {
        err,
        topic: message.topic,
      });
      return { samples: [], ignored: [{ reason: "internal_fault", detail: (err as Error).message }] };
    }
  }
}

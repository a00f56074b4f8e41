import type { HistorianSettings } from "../config/index.ts";
import type { PointValue } from "../points/index.ts";
import type { Sample } from "./contract.ts";
import { HistorianError, QueryError } from "./errors.ts";
import { ArrivalClock, PreciseClock } from "./ingest/arrival-clock.ts";
import { Ingest } from "./ingest/ingest.ts";
import type { LateSamples } from "./ingest/message.ts";
import { type SampleSink, setLateAside } from "./ingest/message-recorder.ts";
import { Historian } from "./query/historian.ts";
import { type CallArguments, volttronHistorian } from "./query/volttron-api.ts";
import { isOwnTopic } from "./storable.ts";

export interface HistoryServiceOptions {
  readonly historian: Historian;
  /** Absent: the store is only read. */
  readonly sink: SampleSink | undefined;
  readonly settings: HistorianSettings;
  readonly version: string;
}

/** Maximum size of an answer, in bytes: brokers refuse longer messages, Mosquitto by default from 2 MB. */
const MOST_BYTES = 1024 * 1024;
/** Maximum number of rows of an answer, so that little is read for one that is too long. */
const MOST_ROWS = 30_000;
const MOST_RECORDS = 1000;
/** Record of attempted writes. */
const AUDIT = /^actuators\//i;

/** VOLTTRON's historian as a service for messages: its methods by name, with answers of a bounded size. */
export class HistoryService {
  readonly #options: HistoryServiceOptions;
  readonly #historian: Historian;
  readonly #ingest: Ingest;
  readonly #arrival: ArrivalClock;

  constructor(options: HistoryServiceOptions) {
    const { historian, settings } = options;
    this.#options = options;
    this.#historian = new Historian(historian.backend, { now: () => historian.now(), maxRows: MOST_ROWS });
    // As in VOLTTRON, an insert is stored whatever the settings capture from the broker.
    this.#ingest = new Ingest({
      ...settings,
      ...{
        captureDeviceData: true,
        captureLogData: true,
        captureRecordData: true,
        captureAnalysisData: true,
      },
      customTopics: {},
    });
    const clock = new PreciseClock();
    this.#arrival = new ArrivalClock(() => clock.now());
  }

  /** Calls a method with arguments by name. Throws QueryError, HistorianError. */
  async call(
    method: keyof ReturnType<typeof volttronHistorian>,
    args: CallArguments,
    signal?: AbortSignal,
  ): Promise<unknown> {
    const calls = volttronHistorian(this.#historian, this.#options.version, signal);
    const answer = await calls[method](args);
    const bytes = Buffer.byteLength(JSON.stringify(answer));
    if (bytes > MOST_BYTES)
      throw new QueryError(
        method,
        `the answer has ${bytes} bytes, more than ${MOST_BYTES}; ask for less: a shorter time range, count, an aggregate, or get_topics_by_pattern`,
      );
    return answer;
  }

  /**
   * Stores what others measured: VOLTTRON's records `{topic, headers, message}` of `devices/<path>/all`, `datalogger/…`, `analysis/…` and
   * `record/…`. Resolves when they are on disk. One bad record does not stop the others; they are named in the error.
   */
  async insert(records: readonly PointValue[]): Promise<void> {
    const { sink } = this.#options;
    if (!sink)
      throw new HistorianError("give_up", "the store is only read (historian.readonly); nothing was stored");
    if (records.length > MOST_RECORDS)
      throw new QueryError(
        "records",
        `must be at most ${MOST_RECORDS}, found ${records.length}; nothing was stored`,
      );
    const refused: string[] = [];
    const accepting = records.map(async (record, at) => {
      try {
        const read = this.#read(record, (why) => refused.push(`record ${at + 1}: ${why}`));
        const { topic, samples, late, arrivedAt } = read;
        const isKept = late.samples.length > 0 && setLateAside(sink, late, topic, arrivedAt);
        if (samples.length > 0 && !(await sink.accept(samples, topic)))
          refused.push(`record ${at + 1} (${topic}): there is no space left`);
        if (await isKept)
          refused.push(
            `record ${at + 1} (${topic}): ${late.detail}; "voltbridge deadletter retry" stores it after all`,
          );
      } catch (error) {
        refused.push(`record ${at + 1}: ${(error as Error).message}`);
      }
    });
    await Promise.all(accepting);
    if (refused.length === 0) return;
    const more = refused.length > MOST_NAMED ? `; and ${refused.length - MOST_NAMED} more` : "";
    throw new QueryError(
      "records",
      `not everything was stored: ${refused.slice(0, MOST_NAMED).join("; ")}${more}. The rest is stored`,
    );
  }

  #read(record: PointValue, refuse: (why: string) => void): ReadRecord {
    const {
      topic,
      headers = {},
      message,
    } = (record ?? {}) as Readonly<Record<string, PointValue | undefined>>;
    if (typeof topic !== "string" || message === undefined || typeof headers !== "object")
      throw new QueryError("record", 'must be {"topic", "headers", "message"}');
    const payload = Buffer.from(JSON.stringify({ headers: headers ?? {}, message }));
    const arrivedAt = this.#arrival.next();
    const { samples, late, ignored } = this.#ingest.ingest({
      ...{ topic, payload, arrivedAt, retained: false, userProperties: {} },
    });
    for (const { reason, detail } of ignored)
      refuse(
        reason === "not_captured"
          ? `topic ${topic.slice(0, 200)} must begin with devices/, datalogger/, analysis/ or record/`
          : `${topic.slice(0, 200)}: ${detail}`,
      );
    const isOwn = ({ topic: name }: Sample) => isOwnTopic(name) || AUDIT.test(name);
    const own = [...samples, ...late.samples].find(isOwn);
    if (own) refuse(`${own.topic} is a record of the bridge itself`);
    const others = (some: readonly Sample[]) => some.filter((sample) => !isOwn(sample));
    return {
      ...{ topic, arrivedAt },
      samples: others(samples),
      late: { ...late, samples: others(late.samples) },
    };
  }
}

interface ReadRecord {
  readonly topic: string;
  readonly samples: readonly Sample[];
  readonly late: LateSamples;
  /** Microseconds since 1970 UTC. */
  readonly arrivedAt: number;
}

/** Maximum number of refused records named in an error. */
const MOST_NAMED = 5;

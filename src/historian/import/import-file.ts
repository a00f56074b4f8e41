// A file of another program or of an export comes in. Its rows become samples, batch by batch, and go to a store: while one batch is
// written, the next is read.
import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { PointValue } from "../../points/index.ts";
import { backoff, CALL_BACKOFF } from "../../time/backoff.ts";
import type { HistorianBackend, Sample, Topic, TopicMeta } from "../contract.ts";
import { HistorianError } from "../errors.ts";
import { topicMeta } from "../ingest/message-bodies.ts";
import { compilePattern } from "../query/pattern.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { CsvSource } from "./csv-source.ts";
import { ParquetSource } from "./parquet-source.ts";
import type { Source, SourceBatch, SourceTopic } from "./source.ts";
import { VolttronSource } from "./volttron-source.ts";

export interface ImportOptions {
  /** The store, and what is known of earlier imports into it. Absent: the rows are only read and counted. */
  readonly into?: { readonly backend: HistorianBackend; readonly checkpoint: Checkpoint };
  /** Topics of the store. */
  readonly topics: readonly Topic[];
  /** Regular expression found in the names of topics, after `rename`. */
  readonly pattern?: string;
  /** Inclusive; microseconds since 1970 UTC. */
  readonly start?: number;
  /** Exclusive. */
  readonly end?: number;
  readonly rename: (topic: string) => string;
  /** Whether values are imported whose units differ from those of their topic in the store. */
  readonly ignoreUnits: boolean;
  readonly signal: AbortSignal;
  /** Called after each batch that is stored. */
  readonly onProgress: (step: { readonly count: number; readonly share: number }) => void;
  /** Called when the store must be waited for. */
  readonly onWait: (reason: string) => void;
}

export interface ImportReport {
  readonly file: string;
  readonly kind: Source["kind"];
  /** Number of rows that were done before, when an earlier import is resumed. */
  readonly resumedAt: number;
  /** Whether everything was read; otherwise it was interrupted. */
  readonly complete: boolean;
  readonly topics: number;
  /** Values that were stored. */
  readonly values: number;
  /** Values outside the range of times. */
  readonly outside: number;
  /** Times of the first and last value, in microseconds since 1970 UTC. */
  readonly first?: number;
  readonly last?: number;
  readonly rejected: readonly Rejection[];
}

export interface Rejection {
  readonly reason: string;
  readonly rows: number;
  /** Place of the first one, and what was found there. */
  readonly at: string;
  readonly found?: string;
}

/** Number of rows in a batch: large enough that the cost of a transaction does not count. */
const BATCH = 20_000;
/** Maximum number of different reasons that are reported. */
const MOST_REASONS = 50;

/** Returns a source for a file, by its first bytes. */
async function sourceOf(file: string): Promise<Source> {
  const handle = await open(file);
  try {
    const { buffer } = await handle.read(Buffer.alloc(16), 0, 16, 0);
    const head = buffer.toString("latin1");
    if (head.startsWith("SQLite format 3\0")) return new VolttronSource(file);
    return head.startsWith("PAR1") ? new ParquetSource(file) : new CsvSource(file);
  } finally {
    await handle.close();
  }
}

/**
 * Imports a file, from where an earlier import of it was interrupted. Bad rows are left out and counted.
 * @throws {ImportError} for a file that cannot be read
 * @throws {HistorianError} of kind `give_up`
 */
export async function importFile(file: string, options: ImportOptions): Promise<ImportReport> {
  const { into, signal, onProgress } = options;
  const source = await sourceOf(file);
  const run = new ImportRun(options);
  const resumed = await into?.checkpoint.load();
  let rows = resumed?.rows ?? 0;
  let writing: Promise<void> = Promise.resolve();
  const confirm = async ({ position, share }: SourceBatch, count: number): Promise<void> => {
    rows += count;
    await into?.checkpoint.save({ position, rows, complete: false });
    onProgress({ count: rows, share });
  };
  const batches = source.read({
    ...(resumed && { position: resumed.position }),
    size: BATCH,
    wants: (name) => run.wants(name),
    reject: (reason, at, found) => run.reject(reason, at, found),
  });
  try {
    if (!resumed?.complete)
      for await (const batch of batches) {
        const samples = run.samplesOf(batch);
        // The write before this one ran while the batch was read.
        await writing;
        if (signal.aborted) break;
        writing = run.store(samples).then(() => confirm(batch, batch.rows.length));
        // A failure is thrown where it is awaited.
        writing.catch(() => undefined);
      }
    await writing;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  if (!signal.aborted) await into?.checkpoint.save({ position: {}, rows, complete: true });
  const { rows: resumedAt = 0 } = resumed ?? {};
  return { file, kind: source.kind, resumedAt, complete: !signal.aborted, ...run.report() };
}

/** What a topic of the file is in the store. */
interface Target {
  readonly name: string;
  meta: TopicMeta;
  /** Whether the type of `meta` is certain; otherwise the first value that is not null decides. */
  isTyped: boolean;
  /** Why its values cannot be imported. */
  readonly fault?: string;
}

class ImportRun {
  readonly #options: ImportOptions;
  readonly #matches: (name: string) => boolean;
  /** Topics by lower-case name, those of the store and of the file. */
  readonly #known = new Map<string, Target>();
  readonly #targets = new Map<SourceTopic, Target>();
  readonly #rejected = new Map<string, { rows: number; at: string; found: string | undefined }>();
  readonly #topics = new Set<string>();
  #values = 0;
  #outside = 0;
  #first = Number.POSITIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  constructor(options: ImportOptions) {
    this.#options = options;
    this.#matches = compilePattern(options.pattern ?? "");
    for (const { name, meta } of options.topics)
      this.#known.set(name.toLowerCase(), { name, meta, isTyped: true });
  }

  wants(name: string): boolean {
    return this.#matches(this.#options.rename(name));
  }

  reject(reason: string, at: string, found?: string): void {
    const isNew = !this.#rejected.has(reason) && this.#rejected.size < MOST_REASONS;
    const key = isNew || this.#rejected.has(reason) ? reason : "other reasons";
    const entry = this.#rejected.get(key) ?? { rows: 0, at, found };
    entry.rows += 1;
    this.#rejected.set(key, entry);
  }

  samplesOf({ rows }: SourceBatch): Sample[] {
    const { start = Number.NEGATIVE_INFINITY, end = Number.POSITIVE_INFINITY } = this.#options;
    const samples: Sample[] = [];
    for (const { topic, time, value } of rows) {
      const target = this.#targets.get(topic) ?? this.#define(topic);
      if (time < start || time >= end) this.#outside += 1;
      else if (target.fault !== undefined) this.reject(target.fault, topic.name);
      else {
        if (!target.isTyped && value !== null) this.#decideType(target, topic, value);
        samples.push({ topic: target.name, time, value, meta: target.meta });
      }
    }
    return samples;
  }

  /** Stores samples, waiting for a store that is busy or away, and without those that it rejects. */
  async store(samples: readonly Sample[]): Promise<void> {
    const { into, signal, onWait } = this.#options;
    let left = samples;
    for (let failures = 0; left.length > 0 && into; )
      try {
        await into.backend.write(left);
        break;
      } catch (error) {
        if (!(error instanceof HistorianError) || error.kind === "give_up") throw error;
        for (const [index, reason] of error.rejected) this.reject(reason, left[index]!.topic);
        left = left.filter((_, index) => !error.rejected.has(index));
        if (error.kind === "reject") continue;
        failures += 1;
        onWait(error.message);
        await sleep(backoff(CALL_BACKOFF, failures), undefined, { signal });
      }
    for (const { topic, time } of left) {
      this.#topics.add(topic);
      this.#first = Math.min(this.#first, time);
      this.#last = Math.max(this.#last, time);
    }
    this.#values += left.length;
  }

  report(): Pick<ImportReport, "topics" | "values" | "outside" | "first" | "last" | "rejected"> {
    return {
      topics: this.#topics.size,
      values: this.#values,
      outside: this.#outside,
      ...(this.#values > 0 && { first: this.#first, last: this.#last }),
      rejected: [...this.#rejected].map(([reason, { rows, at, found }]) => ({
        ...{ reason, rows, at },
        ...(found !== undefined && { found }),
      })),
    };
  }

  /** A topic of the store keeps its spelling and metadata, which are those of today. */
  #define(topic: SourceTopic): Target {
    const { rename, ignoreUnits } = this.#options;
    const name = rename(topic.name);
    const key = name.toLowerCase();
    let target = this.#known.get(key);
    const { units = "" } = topic.meta;
    if (!target) {
      const isTyped = topicMeta(topic.meta, null).type === topicMeta(topic.meta, 0).type;
      target = { name, meta: topicMeta(topic.meta, null), isTyped };
      this.#known.set(key, target);
    } else if (!ignoreUnits && units !== "" && target.meta.units !== "" && units !== target.meta.units)
      target = {
        ...target,
        fault: `the units are ${units}, but ${target.meta.units} in the store; --ignore-units imports such values as they are`,
      };
    this.#targets.set(topic, target);
    return target;
  }

  #decideType(target: Target, topic: SourceTopic, value: PointValue): void {
    target.meta = topicMeta(topic.meta, value);
    target.isTyped = true;
  }
}

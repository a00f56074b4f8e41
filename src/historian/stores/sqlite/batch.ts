import type { Sample, TopicMeta } from "../../contract.ts";
import { jsonOfOthers } from "../json-values.ts";

/** A topic as sent to the writer with the first batch that uses its number. */
export interface TopicDefinition {
  /** Number in this writer; not the id in the file. */
  readonly number: number;
  readonly name: string;
  /** Shared by topics of a batch with equal metadata, so that it is copied to the thread once. */
  readonly meta: TopicMeta;
}

/** Samples as columns, which are fast to transfer between threads. */
export interface Batch {
  /** Topics that are new or changed since the last batch. */
  readonly topics: readonly TopicDefinition[];
  readonly topicNumbers: Uint32Array<ArrayBuffer>;
  readonly times: Float64Array<ArrayBuffer>;
  /** NaN where the value is not a number. */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** JSON text (or null) of the values that are not numbers, by row. */
  readonly others: ReadonlyMap<number, string | null>;
}

/** Encodes samples as batches for one writer, and tracks which topics that writer knows. */
export class BatchEncoder {
  readonly #byName = new Map<string, TopicDefinition>();
  readonly #byKey = new Map<string, TopicDefinition>();

  /** @throws {HistorianError} of kind `reject` when some samples can never be stored. */
  encode(samples: readonly Sample[]): Batch {
    const batch = {
      topics: [] as TopicDefinition[],
      topicNumbers: new Uint32Array(samples.length),
      times: new Float64Array(samples.length),
      numbers: new Float64Array(samples.length).fill(Number.NaN),
      others: new Map<number, string | null>(),
    };
    const others = jsonOfOthers(samples);
    for (const [row, sample] of samples.entries()) {
      batch.topicNumbers[row] = this.#numberOf(sample, batch.topics);
      batch.times[row] = sample.time;
      const other = others.get(row);
      if (other === undefined) batch.numbers[row] = sample.value as number;
      else batch.others.set(row, other);
    }
    return batch;
  }

  #numberOf(sample: Sample, changed: TopicDefinition[]): number {
    const known = this.#byName.get(sample.topic);
    if (known && isCurrent(known, sample)) return known.number;
    const definition = this.#define(sample);
    changed.push(definition);
    return definition.number;
  }

  #define({ topic, meta }: Sample): TopicDefinition {
    const key = topicKey(topic);
    const before = this.#byKey.get(key);
    const definition: TopicDefinition = {
      number: before?.number ?? this.#byKey.size,
      name: topic,
      meta,
    };
    // A previous spelling would count as current.
    if (before) this.#byName.delete(before.name);
    this.#byName.set(topic, definition);
    this.#byKey.set(key, definition);
    return definition;
  }
}

/** Returns the key that all spellings of a topic share. */
export function topicKey(topic: string): string {
  return topic.toLowerCase();
}

function isCurrent({ meta: known }: TopicDefinition, { meta }: Sample): boolean {
  return known.units === meta.units && known.type === meta.type && known.tz === meta.tz;
}

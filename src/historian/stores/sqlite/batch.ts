import type { Sample, TopicMeta } from "../../contract.ts";
import { jsonOfOthers } from "../json-values.ts";

/** A topic as the writer is told of it, before the first batch that uses its number. */
export interface TopicDefinition {
  /** Number within this writer; not the id in the file. */
  readonly number: number;
  readonly name: string;
  /** One object where topics of a batch have it in common: it goes to the other thread once. */
  readonly meta: TopicMeta;
}

/** Samples as columns: what goes from one thread to another fast. */
export interface Batch {
  /** New or changed since the last batch. */
  readonly topics: readonly TopicDefinition[];
  readonly topicNumbers: Uint32Array<ArrayBuffer>;
  readonly times: Float64Array<ArrayBuffer>;
  /** NaN where the value is not a number. */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** Row → JSON text, or null, of the values that are not numbers. */
  readonly others: ReadonlyMap<number, string | null>;
}

/** Turns samples into batches for one writer, and remembers which topics that writer knows. */
export class BatchEncoder {
  readonly #byName = new Map<string, TopicDefinition>();
  readonly #byKey = new Map<string, TopicDefinition>();

  /** Throws a HistorianError of kind `reject` when some samples can never be stored. */
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
    // An older spelling would be taken for current.
    if (before) this.#byName.delete(before.name);
    this.#byName.set(topic, definition);
    this.#byKey.set(key, definition);
    return definition;
  }
}

/** What makes two spellings of a topic the same. */
export function topicKey(topic: string): string {
  return topic.toLowerCase();
}

function isCurrent({ meta: known }: TopicDefinition, { meta }: Sample): boolean {
  return known.units === meta.units && known.type === meta.type && known.tz === meta.tz;
}

import { createHash } from "node:crypto";
import type { Sample } from "../../contract.ts";
import { jsonOfOthers } from "../json-values.ts";

/** A sample as columns. */
export interface BatchRow {
  /** Index in the batch. */
  readonly index: number;
  readonly time: number;
  readonly number: number | null;
  readonly json: string | null;
}

/** The samples of one topic: the last one of each time. */
export interface TopicRows {
  readonly key: string;
  /** Latest spelling. */
  readonly name: string;
  readonly units: string;
  readonly type: string;
  readonly tz: string;
  readonly rows: readonly BatchRow[];
}

/** Groups samples by topic. @throws {HistorianError} of kind `reject` when some samples can never be stored. */
export function groupByTopic(samples: readonly Sample[]): TopicRows[] {
  const others = jsonOfOthers(samples, whyUnstorableHere);
  const topics = new Map<string, { last: Sample; rows: Map<number, BatchRow> }>();
  for (const [index, sample] of samples.entries()) {
    const key = sample.topic.toLowerCase();
    const topic = topics.get(key);
    const json = others.get(index);
    const number = json === undefined ? (sample.value as number) : null;
    const row: BatchRow = { index, time: sample.time, number, json: json ?? null };
    if (topic) {
      topic.last = sample;
      topic.rows.set(row.time, row);
    } else topics.set(key, { last: sample, rows: new Map([[row.time, row]]) });
  }
  return [...topics].map(([key, { last, rows }]) => ({
    key: topicKey(key),
    name: last.topic,
    ...last.meta,
    rows: [...rows.values()].sort((a, b) => a.time - b.time),
  }));
}

/** Returns the key that all spellings of a topic share: half of a SHA-256 of its lower case, as a UUID. */
export function topicKey(topic: string): string {
  const hash = createHash("sha256").update(topic.toLowerCase()).digest("hex");
  return [
    hash.slice(0, 8),
    hash.slice(8, 12),
    hash.slice(12, 16),
    hash.slice(16, 20),
    hash.slice(20, 32),
  ].join("-");
}

function whyUnstorableHere({ topic, meta: { units, type, tz } }: Sample): string | undefined {
  if (topic.includes("\0")) return "its topic contains the character NUL, which PostgreSQL cannot store";
  for (const text of [units, type, tz])
    if (text.includes("\0") || !text.isWellFormed())
      return `its metadata ${JSON.stringify(text)} contains characters that PostgreSQL cannot store`;
  return undefined;
}

/** Formats a PostgreSQL array of numbers and names that need no quotes. */
export function plainArray(items: readonly (string | number | null)[]): string {
  return `{${items.map((item) => item ?? "NULL").join()}}`;
}

/** Formats a PostgreSQL array of any texts. */
export function textArray(items: readonly (string | null)[]): string {
  return plainArray(
    items.map((item) => (item === null ? null : `"${item.replaceAll(/["\\]/g, String.raw`\$&`)}"`)),
  );
}

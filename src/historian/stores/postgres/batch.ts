import { createHash } from "node:crypto";
import type { Sample } from "../../contract.ts";
import { jsonOfOthers } from "../json-values.ts";

/** A sample as columns. */
export interface BatchRow {
  /** In the batch that was given. */
  readonly index: number;
  readonly time: number;
  readonly number: number | null;
  readonly json: string | null;
}

/** The samples of one topic: one for each time, the last that was given. */
export interface TopicRows {
  readonly key: string;
  /** As it was given last. */
  readonly name: string;
  readonly units: string;
  readonly type: string;
  readonly tz: string;
  readonly rows: readonly BatchRow[];
}

/** Sorts samples by topic. Throws a HistorianError of kind `reject` when some samples can never be stored. */
export function groupByTopic(samples: readonly Sample[]): TopicRows[] {
  const others = jsonOfOthers(samples, whyRefused);
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

/** What makes two spellings of a topic the same: half of a SHA-256 of its lower case, as a UUID. */
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

function whyRefused({ topic, meta: { units, type, tz } }: Sample): string | undefined {
  if (topic.includes("\0")) return "its topic holds the character NUL, which PostgreSQL cannot keep";
  for (const text of [units, type, tz])
    if (text.includes("\0") || !text.isWellFormed())
      return `its metadata ${JSON.stringify(text)} is nothing that PostgreSQL can keep`;
  return undefined;
}

/** An array as PostgreSQL reads it, of numbers and names that need no quotes. */
export function plainArray(items: readonly (string | number | null)[]): string {
  return `{${items.map((item) => item ?? "NULL").join()}}`;
}

/** An array as PostgreSQL reads it, of any texts. */
export function textArray(items: readonly (string | null)[]): string {
  return plainArray(
    items.map((item) => (item === null ? null : `"${item.replaceAll(/["\\]/g, String.raw`\$&`)}"`)),
  );
}

import type { Query } from "../../../storage/postgres.ts";
import { plainArray, type TopicRows, textArray } from "./batch.ts";
import type { Store } from "./splitting.ts";
import type { Tables } from "./tables.ts";

interface StoredTopic {
  readonly id: number;
  readonly name: string;
  readonly units: string;
  readonly type: string;
  readonly tz: string;
}

/** Caches the ids of topics in the store. */
export class KnownTopics {
  readonly #tables: Tables;
  readonly #stored = new Map<string, StoredTopic>();
  #added = new Map<string, StoredTopic>();
  #epoch = "";

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** Must be called first in every transaction: cached ids are valid for one epoch. */
  begin(epoch: string): void {
    if (epoch !== this.#epoch) this.#stored.clear();
    this.#epoch = epoch;
    this.#added = new Map();
  }

  /** Called when everything stored since {@link begin} was committed. */
  committed(): void {
    for (const [key, topic] of this.#added) this.#stored.set(key, topic);
  }

  id({ key }: TopicRows): number {
    return (this.#added.get(key) ?? this.#stored.get(key))?.id as number;
  }

  /** Stores topics that are new or have another spelling or metadata. */
  async store(
    query: Query,
    topics: readonly TopicRows[],
    store: Store,
  ): Promise<ReadonlyMap<TopicRows, string>> {
    const open = topics.filter((topic) => !isCurrent(this.#stored.get(topic.key), topic));
    if (open.length === 0) return new Map();
    await this.#load(query, open);
    const changed = open.filter((topic) => !isCurrent(this.#added.get(topic.key), topic));
    // A fixed order prevents a deadlock of two writers.
    changed.sort((a, b) => (a.key < b.key ? -1 : 1));
    return changed.length === 0 ? new Map() : await store(changed, (some) => this.#upsert(query, some));
  }

  async #load(query: Query, topics: readonly TopicRows[]): Promise<void> {
    const rows = await query<[string, number, string, string, string, string]>(
      `SELECT key, id, name, units, type, tz FROM ${this.#tables.topic} WHERE key = ANY ($1::uuid[])`,
      [plainArray(topics.map(({ key }) => key))],
    );
    for (const [key, id, name, units, type, tz] of rows) this.#added.set(key, { id, name, units, type, tz });
  }

  async #upsert(query: Query, topics: readonly TopicRows[]): Promise<void> {
    const rows = await query<[string, number]>(
      `INSERT INTO ${this.#tables.topic} (key, name, units, type, tz)
       SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[])
       ON CONFLICT (key) DO UPDATE SET
         name = excluded.name, units = excluded.units, type = excluded.type, tz = excluded.tz
       RETURNING key, id`,
      [
        plainArray(topics.map(({ key }) => key)),
        ...(["name", "units", "type", "tz"] as const).map((column) =>
          textArray(topics.map((t) => t[column])),
        ),
      ],
    );
    const ids = new Map(rows);
    for (const { key, name, units, type, tz } of topics)
      this.#added.set(key, { id: ids.get(key) as number, name, units, type, tz });
  }
}

function isCurrent(stored: StoredTopic | undefined, topic: TopicRows): boolean {
  return (
    stored !== undefined &&
    stored.name === topic.name &&
    stored.units === topic.units &&
    stored.type === topic.type &&
    stored.tz === topic.tz
  );
}

import type { SQLInputValue } from "node:sqlite";
import type { Batch, TopicDefinition } from "./batch.ts";
import { DatabaseFile, type Durability, type OpenDatabase, openForWriting } from "./database-file.ts";
import { LARGE } from "./schema.ts";

/** JSON texts longer than this go to `large_value`. */
const LARGE_LENGTH = 512;
/** Rows per INSERT: twice as fast as one by one. */
const ROWS = 50;
const COLUMNS = 4;

const DEVICE = "INSERT INTO device (key) VALUES (?) ON CONFLICT (key) DO UPDATE SET key = key RETURNING id";
const TOPIC = `INSERT INTO topic (device_id, key, name, units, type, tz) VALUES (?, ?, ?, ?, ?, ?)
  ON CONFLICT (key) DO UPDATE SET name = excluded.name, units = excluded.units, type = excluded.type, tz = excluded.tz
  RETURNING id`;
const LARGE_VALUE = `INSERT INTO large_value (topic_id, time, json) VALUES (?, ?, ?)
  ON CONFLICT (topic_id, time) DO UPDATE SET json = excluded.json`;

/** Ids in the file. */
interface StoredIds {
  readonly deviceId: number;
  readonly topicId: number;
}

interface KnownTopic {
  readonly definition: TopicDefinition;
  /** Absent until this definition is in the file. */
  stored?: StoredIds;
}

/** Writes batches, each in one transaction. */
export class Writer {
  readonly #file: DatabaseFile;
  readonly #topics: KnownTopic[] = [];
  #database: OpenDatabase | undefined;

  constructor(file: string, durability: Durability) {
    this.#file = new DatabaseFile(file, (path) => openForWriting(path, durability));
  }

  open(): void {
    this.#connected();
  }

  write(batch: Batch): void {
    for (const definition of batch.topics) this.#topics[definition.number] = { definition };
    const database = this.#connected();
    const added: KnownTopic[] = [];
    database.db.exec("BEGIN IMMEDIATE");
    try {
      this.#storeTopics(database, batch.topicNumbers, added);
      this.#storeSamples(database, batch);
      database.db.exec("COMMIT");
    } catch (error) {
      for (const topic of added) topic.stored = undefined;
      if (database.db.isTransaction) database.db.exec("ROLLBACK");
      throw error;
    }
  }

  close(): void {
    this.#file.close();
  }

  /** The open file; one that took the place of another knows no topics yet. */
  #connected(): OpenDatabase {
    const database = this.#file.get();
    if (database !== this.#database) for (const topic of this.#topics) topic.stored = undefined;
    this.#database = database;
    return database;
  }

  #storeTopics(database: OpenDatabase, numbers: Uint32Array, added: KnownTopic[]): void {
    for (const number of numbers) {
      const topic = this.#topics[number] as KnownTopic;
      if (topic.stored) continue;
      const { key, deviceKey, name, units, type, tz } = topic.definition;
      const deviceId = idOf(database, DEVICE, deviceKey);
      topic.stored = { deviceId, topicId: idOf(database, TOPIC, deviceId, key, name, units, type, tz) };
      added.push(topic);
    }
  }

  #storeSamples(database: OpenDatabase, batch: Batch): void {
    const { topicNumbers, times } = batch;
    const single = database.prepare(insertSamples(1));
    const many = database.prepare(insertSamples(ROWS));
    let values: SQLInputValue[] = [];
    for (let row = 0; row < times.length; row++) {
      const { deviceId, topicId } = (this.#topics[topicNumbers[row] as number] as KnownTopic)
        .stored as StoredIds;
      const time = times[row] as number;
      values.push(deviceId, time, topicId, this.#value(database, batch, row, topicId, time));
      if (values.length < ROWS * COLUMNS) continue;
      many.run(...values);
      values = [];
    }
    for (let at = 0; at < values.length; at += COLUMNS) single.run(...values.slice(at, at + COLUMNS));
  }

  #value(database: OpenDatabase, batch: Batch, row: number, topicId: number, time: number): SQLInputValue {
    const other = batch.others.get(row);
    if (other === undefined) return batch.numbers[row] as number;
    if (other === null || other.length <= LARGE_LENGTH) return other;
    database.prepare(LARGE_VALUE).run(topicId, time, other);
    return LARGE;
  }
}

function idOf(database: OpenDatabase, sql: string, ...values: SQLInputValue[]): number {
  const [id] = database.prepare(sql).get(...values) as unknown as [number];
  return id;
}

function insertSamples(rows: number): string {
  return `INSERT INTO sample (device_id, time, topic_id, value) VALUES ${Array(rows).fill("(?, ?, ?, ?)").join(", ")}
    ON CONFLICT (device_id, time, topic_id) DO UPDATE SET value = excluded.value`;
}

import type { Connection } from "../../../storage/sqlite.ts";
import type { Batch, TopicDefinition } from "./batch.ts";
import { DatabaseFile } from "./database-file.ts";

/** File format of samples. `Ids` are the ids of a topic that a row contains. */
export interface Layout<Ids> {
  /** Opens a file for writing; creates a missing one. */
  open(file: string): Connection;
  /** Stores the current name and metadata of a topic. */
  storeTopic(database: Connection, topic: TopicDefinition): Ids;
  storeSamples(database: Connection, batch: Batch, topicOf: (row: number) => TopicInFile<Ids>): void;
  /** Removes about `rows` of the oldest samples. Returns their number. */
  remove(database: Connection, removal: Removal): number;
}

export interface TopicInFile<Ids> {
  readonly definition: TopicDefinition;
  readonly ids: Ids;
}

export interface Removal {
  /** Exclusive; microseconds since 1970 UTC. */
  readonly before: number;
  readonly rows: number;
}

interface KnownTopic<Ids> {
  readonly definition: TopicDefinition;
  /** Absent until this definition is stored in the file. */
  ids?: Ids;
}

/** Writes batches, each in one transaction. */
export class Writer<Ids> {
  readonly #file: DatabaseFile;
  readonly #layout: Layout<Ids>;
  readonly #topics: KnownTopic<Ids>[] = [];
  #database: Connection | undefined;

  readonly #onRemoved: () => void;

  /** `onRemoved`: called when the file was removed while in use and another one was opened. */
  constructor(file: string, layout: Layout<Ids>, onRemoved: () => void) {
    this.#layout = layout;
    this.#onRemoved = onRemoved;
    this.#file = new DatabaseFile(file, layout.open);
  }

  open(): void {
    this.#connected();
  }

  /** Creates a removed file again without waiting for the next write. */
  checkFile(): void {
    if (!this.#database) return;
    try {
      this.#connected();
    } catch {
      // The next write fails in the same way and reports it.
    }
  }

  write(batch: Batch): void {
    for (const definition of batch.topics) this.#topics[definition.number] = { definition };
    const database = this.#connected();
    const added: KnownTopic<Ids>[] = [];
    try {
      database.transaction(() => {
        this.#storeTopics(database, batch.topicNumbers, added);
        const topicOf = (row: number) => this.#topics[batch.topicNumbers[row] as number] as TopicInFile<Ids>;
        this.#layout.storeSamples(database, batch, topicOf);
      });
    } catch (error) {
      for (const topic of added) delete topic.ids;
      throw error;
    }
  }

  remove(removal: Removal): number {
    const database = this.#connected();
    return database.transaction(() => this.#layout.remove(database, removal));
  }

  close(): void {
    this.#file.close();
  }

  /** Returns the open file; a new file has no topics yet. */
  #connected(): Connection {
    const database = this.#file.get();
    if (database !== this.#database) {
      for (const topic of this.#topics) delete topic.ids;
      if (this.#database) this.#onRemoved();
    }
    this.#database = database;
    return database;
  }

  #storeTopics(database: Connection, numbers: Uint32Array, added: KnownTopic<Ids>[]): void {
    for (const number of numbers) {
      const topic = this.#topics[number] as KnownTopic<Ids>;
      if (topic.ids) continue;
      topic.ids = this.#layout.storeTopic(database, topic.definition);
      added.push(topic);
    }
  }
}

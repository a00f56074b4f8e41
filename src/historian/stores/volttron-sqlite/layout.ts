import { Connection, type Durability, makeFile } from "../../../storage/sqlite.ts";
import { isOwnTopic } from "../../storable.ts";
import { formatTime } from "../../time.ts";
import { type TopicDefinition, topicKey } from "../sqlite/batch.ts";
import { insertRows } from "../sqlite/insert-rows.ts";
import type { Layout } from "../sqlite/writer.ts";
import { fileKind, makeTables, quoted, type VolttronTables } from "./tables.ts";
import { metaText, numberText } from "./text.ts";
import { TopicIds } from "./topic-ids.ts";

/** Id of the bridge's own topics: other programs list and show every topic of the file. */
const NOT_STORED = -1;

/** Returns the layout of VOLTTRON's historian: times and values as text, as its own statements expect. */
export function volttronLayout(tables: VolttronTables, durability: Durability): Layout<number> {
  const [data, topics, meta] = [quoted(tables.data), quoted(tables.topics), quoted(tables.meta)];
  const samples = {
    into: `INSERT OR REPLACE INTO ${data} (ts, topic_id, value_string)`,
    columns: 3,
    onConflict: "",
  };
  const ids = new TopicIds(tables);
  let separate = false;

  function storeMeta(database: Connection, id: number, topic: TopicDefinition): void {
    const table = separate ? meta : topics;
    const [before = null] =
      database.get<[string | null]>(`SELECT metadata FROM ${table} WHERE topic_id = ?`, id) ?? [];
    const after = metaText(topic.meta, before);
    if (after === before) return;
    if (separate)
      database.run(`INSERT OR REPLACE INTO ${meta} (topic_id, metadata) VALUES (?, ?)`, id, after);
    else database.run(`UPDATE ${topics} SET metadata = ? WHERE topic_id = ?`, after, id);
  }

  return {
    open(file) {
      makeFile(file);
      // The journal mode remains unchanged.
      return Connection.open(file, {}, (database) => {
        database.exec(`PRAGMA synchronous = ${durability}`);
        const kind = fileKind(database, tables);
        separate = kind === "separate";
        if (kind !== "empty") return;
        // VOLTTRON sets this too and would otherwise rewrite the whole file.
        database.exec("PRAGMA auto_vacuum = FULL");
        makeTables(database, tables);
      });
    },
    storeTopic(database, topic) {
      if (isOwnTopic(topic.name)) return NOT_STORED;
      const key = topicKey(topic.name);
      let id = ids.find(database, key);
      if (id === undefined) {
        const { lastInsertRowid } = database.run(`INSERT INTO ${topics} (topic_name) VALUES (?)`, topic.name);
        id = Number(lastInsertRowid);
        ids.add(key, id);
      } else {
        // Another topic may have that spelling, in files of versions that distinguished case.
        database.run(
          `UPDATE OR IGNORE ${topics} SET topic_name = ?1 WHERE topic_id = ?2 AND topic_name <> ?1`,
          topic.name,
          id,
        );
      }
      storeMeta(database, id, topic);
      return id;
    },
    storeSamples(database, batch, topicOf) {
      insertRows(database, samples, batch.times.keys(), (row, values) => {
        const { ids: id, definition } = topicOf(row);
        if (id === NOT_STORED) return;
        const other = batch.others.get(row);
        const text =
          other === undefined
            ? numberText(batch.numbers[row] as number, definition.meta.type)
            : (other ?? "null");
        values.push(formatTime(batch.times[row] as number), id, text);
      });
    },
    remove(database, { before, rows }) {
      const removed = database.run(
        `DELETE FROM ${data} WHERE rowid IN (SELECT rowid FROM ${data} WHERE ts < ? ORDER BY ts LIMIT ?)`,
        formatTime(before),
        rows,
      );
      return Number(removed.changes);
    },
  };
}

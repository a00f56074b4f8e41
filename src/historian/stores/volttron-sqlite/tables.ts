import type { Connection } from "../../../storage/sqlite.ts";
import { HistorianError } from "../../errors.ts";

/** VOLTTRON's `tables_def`: the names of a historian's tables. */
export interface TablesDefinition {
  /** Put before every name, with `_` between. */
  readonly table_prefix: string;
  readonly data_table: string;
  readonly topics_table: string;
  readonly meta_table: string;
}

/** Names of the tables as they are in the file. */
export interface VolttronTables {
  readonly data: string;
  readonly topics: string;
  /** Of older files only. */
  readonly meta: string;
}

/**
 * `merged`: metadata stand beside the name in the table of topics (historian 4.0 and newer); `separate`: in a table of
 * their own; `empty`: there are no tables at all.
 */
export type FileKind = "merged" | "separate" | "empty";

export function tablesIn(definition: TablesDefinition): VolttronTables {
  const prefix = definition.table_prefix === "" ? "" : `${definition.table_prefix}_`;
  return {
    data: prefix + definition.data_table,
    topics: prefix + definition.topics_table,
    meta: prefix + definition.meta_table,
  };
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Looks at a file without touching it. Throws a HistorianError (kind `give_up`) for one that holds other tables. */
export function fileKind(database: Connection, tables: VolttronTables): FileKind {
  const has = (table: string, ...names: string[]): boolean => {
    const found = database.all("SELECT name FROM pragma_table_info(?)", table).flat();
    return names.every((name) => found.includes(name));
  };
  if (has(tables.data, "ts", "topic_id", "value_string") && has(tables.topics, "topic_id", "topic_name")) {
    if (has(tables.topics, "metadata")) return "merged";
    if (has(tables.meta, "topic_id", "metadata")) return "separate";
  }
  const found = database
    .all("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
    .flat();
  if (found.length === 0) return "empty";
  throw new HistorianError(
    "give_up",
    `${database.file} has no tables of VOLTTRON's historian named ${tables.data} and ${tables.topics}; it is left as it is. It has ${found.join(", ")}: set historian.connection.tables_def as VOLTTRON's config has it, or another path`,
  );
}

/** The tables as VOLTTRON's historian makes them today. Every column, its type and the keys are what its statements rely on. */
export function makeTables(database: Connection, tables: VolttronTables): void {
  const [data, topics] = [quoted(tables.data), quoted(tables.topics)];
  database.exec(`BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS ${data} (
      ts timestamp NOT NULL, topic_id INTEGER NOT NULL, value_string TEXT NOT NULL, UNIQUE (topic_id, ts));
    CREATE INDEX IF NOT EXISTS data_idx ON ${data} (ts);
    CREATE TABLE IF NOT EXISTS ${topics} (
      topic_id INTEGER PRIMARY KEY, topic_name TEXT NOT NULL, metadata TEXT, UNIQUE (topic_name));
    COMMIT`);
}

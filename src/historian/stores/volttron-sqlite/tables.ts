import type { Connection } from "../../../storage/sqlite.ts";
import { HistorianError } from "../../errors.ts";

/** VOLTTRON's `tables_def`: the names of a historian's tables. */
export interface TablesDefinition {
  /** Prefix of every name, separated by `_`. */
  readonly table_prefix: string;
  readonly data_table: string;
  readonly topics_table: string;
  readonly meta_table: string;
}

/** Names of the tables in the file. */
export interface VolttronTables {
  readonly data: string;
  readonly topics: string;
  /** Exists in older files only. */
  readonly meta: string;
  /** Aggregates of VOLTTRON's aggregate historian; their values are in a table for each type and period, such as `avg_1h`. */
  readonly aggregateTopics: string;
  readonly aggregateMeta: string;
}

/**
 * `merged`: the table of topics has the metadata (historian 4.0 and newer); `separate`: metadata are in their own table; `empty`: the
 * file has no tables.
 */
export type FileKind = "merged" | "separate" | "empty";

export function tablesIn(definition: TablesDefinition): VolttronTables {
  const prefix = definition.table_prefix === "" ? "" : `${definition.table_prefix}_`;
  return {
    data: prefix + definition.data_table,
    topics: prefix + definition.topics_table,
    meta: prefix + definition.meta_table,
    aggregateTopics: `${prefix}aggregate_${definition.topics_table}`,
    aggregateMeta: `${prefix}aggregate_${definition.meta_table}`,
  };
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Determines the kind of a file without changing it. @throws {HistorianError} of kind `give_up` for a file with other tables. */
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
    `${database.file} has no tables of VOLTTRON's historian named ${tables.data} and ${tables.topics}, and was not changed. Its tables are ${found.join(", ")}: set historian.connection.tables_def as in VOLTTRON's config, or another path`,
  );
}

/** Creates the tables of VOLTTRON's current historian. Its statements rely on every column, type and key. */
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

import { type Dialect, quoted } from "./dialect.ts";
import { columnsOf, type Table, type TableName, tableNames, tables } from "./tables.ts";

/**
 * One step per schema version, from the previous one. `tables.ts` describes the newest version, from which new databases are created;
 * a change there needs a step here that migrates older databases to the same tables.
 */
const STEPS: readonly ((dialect: Dialect) => string)[] = [
  ({ types }) =>
    `ALTER TABLE port_energy ADD COLUMN earlier_kwh ${types.number};
     ALTER TABLE port_energy ADD COLUMN earlier_until ${types.time}`,
];

/** Version of a database created by {@link ddl}. */
export const SCHEMA_VERSION = STEPS.length + 1;

/** Returns the statements that migrate a database of an older version. */
export function migrationsFrom(version: number, dialect: Dialect): string[] {
  return STEPS.slice(version - 1).map((step) => step(dialect));
}

/** Returns the statements that create all tables, with a comment for each column. */
export function ddl(dialect: Dialect): string {
  return tableNames.map((name) => createTable(name, dialect)).join("\n\n");
}

function createTable(name: TableName, dialect: Dialect): string {
  const table: Table = tables[name];
  const columns = columnsOf(name).map(([column, { type, required, doc, personal }]) => {
    const note = [doc, personal ? "personal" : ""].filter(Boolean).join("; ");
    return {
      sql: `${column} ${dialect.types[type]}${required ? " NOT NULL" : ""}`,
      note: note === "" ? "" : ` -- ${note}`,
    };
  });
  const constraints = [
    `PRIMARY KEY (${table.key.join(", ")})`,
    ...(table.references ?? []).map(
      (reference) => `FOREIGN KEY (${reference.columns.join(", ")}) REFERENCES ${quoted(reference.table)}`,
    ),
  ].map((sql) => ({ sql, note: "" }));
  const lines = [...columns, ...constraints].map(
    ({ sql, note }, index, all) => `  ${sql}${index < all.length - 1 ? "," : ""}${note}`,
  );
  const indexes = (table.indexes ?? []).map(({ columns: keys, where }) => {
    const index = [name, ...keys, ...(where ? [where.split(" ")[0]] : [])].join("_");
    return `CREATE INDEX ${index} ON ${quoted(name)} (${keys.join(", ")})${where ? ` WHERE ${where}` : ""};`;
  });
  return [
    `-- ${table.doc}`,
    `CREATE TABLE ${quoted(name)} (`,
    ...lines,
    `)${dialect.tableEnd};`,
    ...indexes,
  ].join("\n");
}

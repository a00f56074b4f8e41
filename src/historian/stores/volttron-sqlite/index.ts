import { resolve } from "node:path";
import type { Durability } from "../../../storage/sqlite.ts";
import type { HistorianBackendType } from "../../contract.ts";
import { SqliteBackend } from "../sqlite/backend.ts";
import { type TablesDefinition, tablesIn } from "./tables.ts";

/** `historian.connection` of the backend for files of VOLTTRON's SQLite historian. */
export interface VolttronSqliteConnection {
  /** The file, VOLTTRON's `database`; a relative path is below the data folder. */
  readonly path: string;
  readonly durability: Durability;
  readonly tables_def: TablesDefinition;
}

const name = (preset: string): Record<string, unknown> => ({ type: "string", minLength: 1, default: preset });

/** A file of VOLTTRON's SQLite historian, of either schema. VOLTTRON can still use it. */
export const volttronSqlite: HistorianBackendType<VolttronSqliteConnection> = {
  name: "volttron-sqlite",
  configSchema: {
    type: "object",
    additionalProperties: false,
    "x-place": ({ path }: { readonly path: string }, dataFolder: string) => resolve(dataFolder, path),
    properties: {
      path: { ...name("platform.historian.sqlite"), "x-local": true },
      durability: { enum: ["full", "normal"], default: "full" },
      tables_def: {
        type: "object",
        additionalProperties: false,
        default: {},
        properties: {
          table_prefix: { type: "string", default: "" },
          data_table: name("data"),
          topics_table: name("topics"),
          meta_table: name("meta"),
        },
      },
    },
  },
  create({ path, durability, tables_def }, { dataFolder, readonly, onNotice }) {
    const file = resolve(dataFolder, path);
    return new SqliteBackend({ file, durability, readonly, volttron: tablesIn(tables_def), onNotice });
  },
  places: ({ path }, dataFolder) => ({ file: resolve(dataFolder, path) }),
};

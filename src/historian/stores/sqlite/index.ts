import { isAbsolute, join } from "node:path";
import type { Durability } from "../../../storage/sqlite.ts";
import type { HistorianBackendType } from "../../contract.ts";
import { SqliteBackend } from "./backend.ts";

/** `historian.connection` of the SQLite backend. */
export interface SqliteConnection {
  /** The file; a relative path is below the data folder. */
  readonly path: string;
  /**
   * `full`: stored values survive a power cut (one disk flush per batch). `normal`: they survive a crash of the bridge, but a power cut
   * can lose the batches since the last checkpoint; the file itself remains intact.
   */
  readonly durability: Durability;
}

/** The embedded default store: one file, no server. */
export const sqlite: HistorianBackendType<SqliteConnection> = {
  name: "sqlite",
  configSchema: {
    type: "object",
    additionalProperties: false,
    properties: {
      path: {
        type: "string",
        minLength: 1,
        default: "historian.sqlite",
        "x-local": true,
        description: "File of the store, relative to the `data` folder.",
      },
      durability: {
        enum: ["full", "normal"],
        default: "full",
        description: "What survives a power failure: see [durability](historian.md#durability).",
      },
    },
  },
  create({ path, durability }, { dataFolder, readonly, onNotice }) {
    return new SqliteBackend(
      isAbsolute(path) ? path : join(dataFolder, path),
      durability,
      readonly,
      undefined,
      onNotice,
    );
  },
};

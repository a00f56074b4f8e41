import { dirname, resolve } from "node:path";
import type { Log } from "../../../log/log.ts";
import type { Durability } from "../../../storage/sqlite.ts";
import type { BackendContext, HistorianBackendType } from "../../contract.ts";
import { folderOf, SqliteBackend } from "./backend.ts";

/** `historian.connection` of the SQLite backend. */
export interface SqliteConnection {
  /** The file; a relative path is below the data folder. */
  readonly path: string;
  /**
   * `full`: stored values survive a power cut (one disk flush per batch). `normal`: they survive a crash of the bridge, but a power cut
   * can lose the batches since the last checkpoint; the file itself remains intact.
   */
  readonly durability: Durability;
  /** Folder of the files of closed days; a relative path is below that of the file. null: named after the file. */
  readonly history: string | null;
  /** Number of whole days before today that are not closed yet; null: none is ever closed. */
  readonly recent_days: number | null;
}

/** The embedded default store: one file and a folder, no server. */
export const sqlite: HistorianBackendType<SqliteConnection> = {
  name: "sqlite",
  configSchema: {
    type: "object",
    additionalProperties: false,
    "x-place": ({ path }: { readonly path: string }, dataFolder: string) => resolve(dataFolder, path),
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
      history: {
        type: ["string", "null"],
        minLength: 1,
        default: null,
        "x-local": true,
        description:
          "Folder of the [closed days](historian.md#closed-days), of this store alone; a relative path is below the folder of the file. null: `history` for `historian.sqlite`, `<name>-history` for another file `<name>.sqlite`.",
      },
      recent_days: {
        type: ["integer", "null"],
        minimum: 0,
        default: 1,
        description:
          "Number of days (UTC) before today that stay in the file; older ones are [closed](historian.md#closed-days). null: all stay.",
      },
    },
  },
  create(
    { path, durability, history, recent_days: recentDays },
    { dataFolder, readonly, log, onNotice = logged(log) },
  ) {
    const file = resolve(dataFolder, path);
    return new SqliteBackend({
      file,
      durability,
      readonly,
      recentDays,
      onNotice,
      ...(history !== null && { folder: history }),
    });
  },
  places({ path, history }, dataFolder) {
    const file = resolve(dataFolder, path);
    return { file, history: resolve(dirname(file), history ?? folderOf(file)) };
  },
};

/** Logs the notices of a store that only this process uses. */
function logged(log: Log): NonNullable<BackendContext["onNotice"]> {
  return ({ severity, kind, text }) => log[severity === "warning" ? "warn" : severity](text, { kind });
}

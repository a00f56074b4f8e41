import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { BUSY_MS, type Durability, noHistory, opened } from "../sqlite/database-file.ts";
import { fileKind, makeTables, type VolttronTables } from "./tables.ts";

/** Opens for writing; makes folder, file and tables where they are missing. The kind of journal stays as it is. */
export function openForWriting(file: string, tables: VolttronTables, durability: Durability): DatabaseSync {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  closeSync(openSync(file, "a", 0o600));
  return opened(new DatabaseSync(file, { timeout: BUSY_MS }), (db) => {
    db.exec(`PRAGMA synchronous = ${durability}`);
    if (fileKind(db, file, tables) !== "empty") return;
    // VOLTTRON wants it so, and would otherwise write the whole file anew.
    db.exec("PRAGMA auto_vacuum = FULL");
    makeTables(db, tables);
  });
}

/** Opens for reading; never makes or changes anything. */
export function openForReading(file: string, tables: VolttronTables): DatabaseSync {
  if (!existsSync(file)) throw noHistory(file);
  return opened(new DatabaseSync(file, { readOnly: true, timeout: BUSY_MS }), (db) => {
    if (fileKind(db, file, tables) === "empty") throw noHistory(file);
  });
}

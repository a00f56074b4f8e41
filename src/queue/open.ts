import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { Connection, headerOf, rejectNewer, removeLogs } from "../storage/sqlite.ts";
import { sqliteCode } from "../storage/sqlite-failure.ts";
import { readCounterRows, readCountersFile, removeCountersFile, sumOf } from "./counters.ts";
import { QueueError } from "./failure.ts";
import { type ConnectOptions, connect, create, isForeign, QUEUE_FORM } from "./file.ts";
import { finishSalvage, type Salvaged, salvage } from "./salvage.ts";

/** Opens a queue that another process owns, without migrating it. */
export function openShared(file: string, options: ConnectOptions): Connection {
  if (!existsSync(file)) throw new QueueError("refused", `queue file ${file} does not exist`);
  rejectOthers(file, options.alone);
  const connection = connect(file, options);
  if (connection.number("PRAGMA user_version") === QUEUE_FORM.newest) return connection;
  connection.close();
  throw new QueueError(
    "refused",
    `${file} belongs to a running bridge of another version; use the voltbridge command of that version`,
  );
}

export interface OwnerOptions extends ConnectOptions {
  onSalvaged(salvaged: Salvaged): void;
}

/**
 * Opens a queue for the process that owns it; creates a missing one, readable by the owner only. A damaged file is moved aside and its
 * readable records are copied. A newer queue and another program's file are rejected and not changed.
 */
export function openOwned(file: string, options: OwnerOptions): Connection {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  finishSalvage(file);
  if (!existsSync(file)) {
    removeLogs(file);
    removeCountersFile(file);
    create(file);
  }
  rejectOthers(file, options.alone);
  const why = whyDamaged(file, options);
  if (why !== undefined) options.onSalvaged(salvage(file, why));
  return connect(file, options, QUEUE_FORM);
}

function rejectOthers(file: string, alone?: boolean): void {
  rejectNewer(file, QUEUE_FORM, alone);
  if (isForeign(headerOf(file)) && faultOf(file) === undefined)
    throw new QueueError(
      "refused",
      `${file} is a SQLite file of another program and was not changed. Move it away, or use another data folder`,
    );
}

function whyDamaged(file: string, options: ConnectOptions): string | undefined {
  if (statSync(file).size === 0) return "it is empty";
  const lastKnown = readCountersFile(file) ?? [];
  // Even reading needs a shared memory file.
  const open = options.alone ? () => connect(file, options) : undefined;
  const look = (connection: Connection) => {
    const rows = readCounterRows(connection);
    // Both counters only grow, and the counters file is never ahead of the commits.
    const behind = (["accepted", "delivered"] as const).some(
      (kind) => sumOf(lastKnown, kind) > sumOf(rows, kind),
    );
    return behind
      ? "its last commits are missing; its log (the file ending in -wal) may have been removed"
      : undefined;
  };
  return faultOf(file, look, open);
}

/** Returns a fault found by SQLite or by `look`. Changes nothing. */
function faultOf(
  file: string,
  look: (connection: Connection) => string | undefined = () => undefined,
  open = () => Connection.open(file, { readOnly: true }),
): string | undefined {
  let connection: Connection | undefined;
  try {
    connection = open();
    const found = connection.get("PRAGMA quick_check(1)")?.[0];
    return found === "ok" ? look(connection) : String(found);
  } catch (error) {
    // 1: tables are missing; 11, 26: not an intact SQLite file. Other codes come from the disk or another process.
    if ([1, 11, 26].includes(sqliteCode(error))) return (error as Error).message;
    throw error;
  } finally {
    connection?.close();
  }
}

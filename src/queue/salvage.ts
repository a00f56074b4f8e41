import {
  closeSync,
  copyFileSync,
  existsSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { asideName, Connection, type Row, removeFile, removeLogs, syncFolder } from "../storage/sqlite.ts";
import {
  type CounterKind,
  type CounterRow,
  Counters,
  readCounterRows,
  readCountersFile,
  sumOf,
} from "./counters.ts";
import { create, PAGE_BYTES } from "./file.ts";
import { checksum, numberOf, recordChecksum } from "./records.ts";
import { DEAD_BYTES } from "./size-limit.ts";

/** Result of the salvage of a damaged file. */
export interface Salvaged {
  readonly why: string;
  /** New path of the damaged file. */
  readonly aside: string;
  /** Number of values copied to the new file. */
  readonly waiting: number;
  readonly deadLettered: number;
  /** Number of lost values, as far as the counters show. */
  readonly damaged: number;
  /** Whether the counters could be read. */
  readonly counted: boolean;
}

/** Number of ids skipped, because ids of unknown lost records must not be reused. */
const ID_GAP = 1_000_000_000;

/** Moves a damaged file aside under a dated name, and replaces it by a new one with its readable contents. */
export function salvage(file: string, why: string): Salvaged {
  const aside = asideName(file, "damaged");
  // The file remains in place until the new one replaces it, so that it is found again after an interruption.
  linkOrCopy(file, aside);
  const logged = existsSync(`${file}-wal`);
  if (logged) copyFileSync(`${file}-wal`, `${aside}-wal`);
  let balance: Omit<Salvaged, "why" | "aside"> | undefined;
  const source = openDamaged(aside, `${file}.scratch`);
  try {
    create(`${file}.salvaged`, (target) => {
      balance = copyReadable(source, target, readCountersFile(file));
    });
  } finally {
    source?.close();
    removeFile(`${file}.scratch`);
    // Created by reading it.
    for (const end of logged ? ["-shm"] : ["-shm", "-wal"]) rmSync(aside + end, { force: true });
  }
  finishSalvage(file);
  return { why, aside, ...balance! };
}

/** Moves a finished new file into place. Also completes an interrupted salvage. */
export function finishSalvage(file: string): void {
  if (!existsSync(`${file}.salvaged`)) return;
  removeLogs(file);
  renameSync(`${file}.salvaged`, file);
  syncFolder(file);
}

function linkOrCopy(file: string, aside: string): void {
  try {
    linkSync(file, aside);
  } catch {
    // Some file systems have no links.
    copyFileSync(file, aside);
  }
}

/** Opens a damaged file if at least its tables can be found. */
function openDamaged(aside: string, scratch: string): Connection | undefined {
  if (statSync(aside).size < PAGE_BYTES) return undefined;
  return tryOpen(aside) ?? openWithNewFirstPage(aside, scratch);
}

/** Opens a copy with the first page of a new queue: the locations of the tables in it are the same in every queue. */
function openWithNewFirstPage(aside: string, scratch: string): Connection | undefined {
  removeFile(scratch);
  create(scratch);
  const page = readFileSync(scratch).subarray(0, PAGE_BYTES);
  removeFile(scratch);
  copyFileSync(aside, scratch);
  if (existsSync(`${aside}-wal`)) copyFileSync(`${aside}-wal`, `${scratch}-wal`);
  // Number of pages, without free ones.
  page.writeUInt32BE(Math.floor(statSync(scratch).size / PAGE_BYTES), 28);
  page.writeUInt32BE(0, 32);
  page.writeUInt32BE(0, 36);
  const descriptor = openSync(scratch, "r+");
  writeSync(descriptor, page, 0, PAGE_BYTES, 0);
  closeSync(descriptor);
  return tryOpen(scratch);
}

function tryOpen(file: string): Connection | undefined {
  try {
    return Connection.open(file, { readOnly: true }, (connection) => {
      // Allows SQLite to read a truncated file.
      connection.exec("PRAGMA writable_schema = ON");
      connection.get("SELECT id FROM record WHERE id < 0");
    });
  } catch {
    // The damage is already reported; it only matters that the file cannot be read this way.
    return undefined;
  }
}

/**
 * Copies what can be read and balances the counters: missing values count as dropped with reason `damaged`. `lastKnown`: the last
 * known counters.
 */
function copyReadable(
  source: Connection | undefined,
  target: Connection,
  lastKnown: readonly CounterRow[] | undefined,
): Omit<Salvaged, "why" | "aside"> {
  const counters = new Counters();
  let [waiting, deadLettered, lastId, lastDeadId] = [0, 0, 0, 0];
  for (const row of readable(source, SHARED)) insert(target, SHARED, row);
  for (const row of readable(source, RECORDS)) {
    insert(target, RECORDS, row);
    waiting += row[2] as number;
    lastId = row[0] as number;
  }
  for (const row of readable(source, LETTERS)) {
    insert(target, LETTERS, row);
    deadLettered += row[2] as number;
    counters.add("dead", row[2] as number, row[7] as string);
    lastDeadId = row[0] as number;
  }
  const before = countersOf(source) ?? lastKnown;
  const was = (kind: CounterKind) => sumOf(before ?? [], kind);
  // Accepted after the last commit in the file, and lost with its log.
  const unseen = Math.max(sumOf(lastKnown ?? [], "accepted") - was("accepted"), 0);
  const missing = was("accepted") - was("delivered") - was("dropped") - waiting - deadLettered;
  const damaged = Math.max(missing, 0) + unseen;
  counters.add("accepted", was("accepted") + Math.max(-missing, 0) + unseen);
  counters.add("delivered", was("delivered"));
  counters.add("waiting", waiting);
  for (const [kind, reason, samples] of before ?? [])
    if (kind === "dropped") counters.add(kind, samples, reason);
  counters.add("dropped", damaged, "damaged");
  counters.store(target);

  const state = stateOf(source);
  target.run(
    `UPDATE state SET last_id = ?, last_dead_id = ?, batch = ?, batch_first = ?, batch_gone = ?,
       dead_bytes = (SELECT total(${DEAD_BYTES}) FROM dead_letter)`,
    Math.max(state.lastId, lastId) + ID_GAP,
    Math.max(state.lastDeadId, lastDeadId) + ID_GAP,
    state.batch,
    state.batchFirst,
    state.batchGone,
  );
  return { waiting, deadLettered, damaged, counted: before !== undefined };
}

function insert(target: Connection, { name, columns }: Table, row: Row): void {
  target.run(`INSERT INTO ${name} (${columns}) VALUES (${columns.map(() => "?")})`, ...row);
}

/** Reads the counters; undefined when they cannot be read or are invalid. */
function countersOf(source: Connection | undefined): readonly CounterRow[] | undefined {
  try {
    const rows = source && readCounterRows(source);
    const sound = rows?.some(([kind]) => kind === "accepted") && rows.every(([, , samples]) => samples >= 0);
    return sound ? rows : undefined;
  } catch {
    return undefined;
  }
}

function stateOf(source: Connection | undefined) {
  const none = { lastId: 0, lastDeadId: 0, batch: 0, batchFirst: 0, batchGone: 0 };
  try {
    const row = source?.get("SELECT last_id, last_dead_id, batch, batch_first, batch_gone FROM state");
    if (!row?.every((value) => Number.isSafeInteger(value))) return none;
    const [lastId, lastDeadId, batch, batchFirst, batchGone] = row as [
      number,
      number,
      number,
      number,
      number,
    ];
    return { lastId, lastDeadId, batch, batchFirst, batchGone };
  } catch {
    return none;
  }
}

/** A table whose rows can be verified. */
export interface Table {
  readonly name: string;
  /** The first is `id`. */
  readonly columns: readonly string[];
  isSound(row: never): boolean;
}

const COLUMNS = ["id", "time", "samples", "retries", "checksum", "key", "text"];
export const RECORDS: Table = {
  name: "record",
  columns: [...COLUMNS, "shared"],
  isSound: ([, time, samples, , sum, key, text, shared]: [
    ...[id: number, time: number, samples: number, retries: number, sum: number],
    ...[key: string, text: string, shared: number | null],
  ]) => sum === recordChecksum(time, samples, key, text, shared),
};
export const LETTERS: Table = {
  name: "dead_letter",
  columns: [...COLUMNS, "reason", "detail", "at"],
  isSound: ([, time, samples, , sum, ...texts]: [
    ...[id: number, time: number, samples: number, retries: number, sum: number],
    ...[key: string, text: string, reason: string, detail: string, at: number],
  ]) => sum === checksum(time, samples, ...(texts.slice(0, 4) as string[])),
};
export const SHARED: Table = {
  name: "shared",
  columns: ["id", "text"],
  isSound: ([id, text]: [number, string]) => id === numberOf(text),
};

/** Returns the intact rows of a table by id; skips pages that cannot be read. */
export function* readable(source: Connection | undefined, table: Table): Generator<Row> {
  if (!source) return;
  const { name } = table;
  const columns = table.columns.map((column) => (hasColumn(source, name, column) ? column : "NULL"));
  let after = -1;
  for (;;) {
    try {
      const rows = source.iterate(`SELECT ${columns} FROM ${name} WHERE id > ? ORDER BY id`, after);
      for (const row of rows) {
        const id = row[0] as number;
        // Ids out of order: the damaged tree has a loop.
        if (!(id > after)) break;
        after = id;
        if (table.isSound(row as never)) yield row;
      }
      return;
    } catch {
      const next = nextReadable(source, name, after);
      if (next === undefined) return;
      after = next - 1;
    }
  }
}

/** Returns whether a table has a column, which earlier versions may lack. */
function hasColumn(source: Connection, table: string, column: string): boolean {
  try {
    source.prepare(`SELECT ${column} FROM ${table}`);
    return true;
  } catch {
    return false;
  }
}

/** Returns the lowest readable id after a damaged page. */
function nextReadable(source: Connection, table: string, after: number): number | undefined {
  const found = (from: number): number | undefined => {
    try {
      return source.get(
        `SELECT id, length(text) FROM ${table} WHERE id >= ? ORDER BY id LIMIT 1`,
        from,
      )?.[0] as number | undefined;
    } catch {
      return undefined;
    }
  };
  let bad = after + 1;
  let step = 1;
  let good: number | undefined;
  while (good === undefined) {
    if (bad + step > Number.MAX_SAFE_INTEGER) return undefined;
    good = found(bad + step) === undefined ? undefined : bad + step;
    if (good === undefined) bad += step;
    step *= 2;
  }
  while (good - bad > 1) {
    const middle = Math.floor((good + bad) / 2);
    if (found(middle) === undefined) bad = middle;
    else good = middle;
  }
  return found(good);
}

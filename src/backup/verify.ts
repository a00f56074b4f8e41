import { statSync } from "node:fs";
import { checkDayFile } from "../historian/stores/sqlite/days/day-file-reader.ts";
import { HISTORY_FORM } from "../historian/stores/sqlite/schema.ts";
import { QUEUE_FORM } from "../queue/file.ts";
import { SCHEMA_VERSION } from "../sessions/database/schema.ts";
import { Connection } from "../storage/sqlite.ts";
import { STATE_FORM } from "../storage/state-store.ts";
import {
  type BackedUpFile,
  type BackupFolder,
  contentOf,
  type Manifest,
  type StoreKind,
} from "./backup-folder.ts";

/** Newest versions of databases that this program can open. */
const NEWEST: Readonly<Record<StoreKind, number>> = {
  state: STATE_FORM.newest,
  queue: QUEUE_FORM.newest,
  history: HISTORY_FORM.newest,
  sessions: SCHEMA_VERSION,
  other: Number.POSITIVE_INFINITY,
};

export interface BackupFault {
  /** Of the backup. */
  readonly name: string;
  readonly path?: string;
  readonly fault: string;
}

export interface CheckedBackup {
  readonly name: string;
  /** Absent where the manifest cannot be read. */
  readonly manifest?: Manifest;
  readonly faults: readonly BackupFault[];
}

/** Reads all that backups have. A content that they share is read once. */
export async function verifyBackups(
  folder: BackupFolder,
  names: readonly string[],
  { signal, onProgress }: { readonly signal: AbortSignal; onProgress(count: number, share: number): void },
): Promise<CheckedBackup[]> {
  const known = new Map<string, string | undefined>();
  const checked: CheckedBackup[] = [];
  for (const [at, name] of names.entries()) {
    let manifest: Manifest;
    try {
      manifest = folder.read(name);
    } catch (error) {
      checked.push({ name, faults: [{ name, fault: (error as Error).message }] });
      continue;
    }
    const faults: BackupFault[] = manifest.leftOut
      .filter(({ provided }) => !provided)
      .map(({ path, why }) => ({ name, path, fault: `it is not in the backup: ${why}` }));
    for (const [count, file] of manifest.files.entries()) {
      signal.throwIfAborted();
      onProgress(known.size, (at + count / manifest.files.length) / names.length);
      const key = `${file.kind} ${file.store} ${file.sha256}`;
      if (!known.has(key)) known.set(key, await faultOf(folder.object(file.sha256), file, signal));
      const fault = known.get(key);
      if (fault !== undefined) faults.push({ name, path: file.path, fault });
    }
    checked.push({ name, manifest, faults });
  }
  return checked;
}

/** Returns what is wrong with a copy of a file; undefined when nothing is. */
export async function faultOf(
  copy: string,
  file: BackedUpFile,
  signal?: AbortSignal,
): Promise<string | undefined> {
  try {
    const stats = statSync(copy, { throwIfNoEntry: false });
    if (!stats) return `its copy ${copy} is missing`;
    if (stats.size !== file.bytes) return `its copy ${copy} has ${stats.size} bytes, expected ${file.bytes}`;
    if ((await contentOf(copy, signal)).sha256 !== file.sha256)
      return `its copy ${copy} is damaged: its checksum does not match`;
    if (file.kind === "day") checkDayFile(copy, { sha256: file.sha256 });
    return file.kind === "database" ? databaseFault(copy, file) : undefined;
  } catch (error) {
    signal?.throwIfAborted();
    return (error as Error).message;
  }
}

function databaseFault(copy: string, file: BackedUpFile): string | undefined {
  const newer = newerFault(copy, file);
  if (newer !== undefined) return newer;
  const database = Connection.open(copy, { readOnly: true });
  try {
    const found = database.get("PRAGMA quick_check(1)")?.[0];
    return found === "ok" ? undefined : `the database was damaged when it was backed up: ${found}`;
  } finally {
    database.close();
  }
}

/** Returns why this program cannot open a database: a newer one wrote it. */
export function newerFault(copy: string, { kind, store = "other" }: BackedUpFile): string | undefined {
  if (kind !== "database") return undefined;
  const database = Connection.open(copy, { readOnly: true });
  try {
    const version = database.number("PRAGMA user_version");
    return version > NEWEST[store]
      ? `a newer voltbridge wrote it (format ${version}; this version supports ${NEWEST[store]}); use that version, or choose an older backup with --at`
      : undefined;
  } finally {
    database.close();
  }
}

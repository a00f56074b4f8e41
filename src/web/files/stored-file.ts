import { createHash } from "node:crypto";
import { readdirSync, realpathSync, rmSync, type Stats, statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { decodeText, readBounded, unreadableReason } from "../../config/index.ts";
import { messageOf } from "../../log/log.ts";
import { OwnedByOthersError, replaceFile, writeWholeFile } from "../../storage/whole-file.ts";
import { FileRefusal } from "./refusal.ts";

/** What a file contains. */
export interface StoredText {
  /** Without its byte order mark. */
  readonly text: string;
  /** Identifies the content: the hash of its bytes. */
  readonly revision: string;
  readonly encoding: ReturnType<typeof decodeText>["encoding"];
  readonly bytes: Buffer;
  readonly modifiedAt: Date;
}

/** Number of backups that are kept of a file. */
const MOST_BACKUPS = 10;
const UTF8_MARK = "\uFEFF";

/** @throws FileRefusal where it cannot be read */
export function readStored(file: string, maxBytes: number): StoredText {
  let bytes: Buffer;
  let stats: Stats;
  try {
    stats = statSync(file);
    bytes = readBounded(file, maxBytes);
  } catch (error) {
    const kind = (error as NodeJS.ErrnoException).code === "ENOENT" ? "no_such_file" : "unreadable_file";
    throw new FileRefusal(kind, `${file} ${unreadableReason(error)}`);
  }
  const { text, encoding } = decodeText(bytes);
  return { text, encoding, bytes, revision: revisionOf(bytes), modifiedAt: stats.mtime };
}

/**
 * Returns the bytes of a text that replaces what a file contains. A byte order mark stays, and so do line ends of CRLF where the new text
 * has none: the text fields of browsers know only LF. Everything else is as given, in UTF-8.
 */
export function bytesOf(text: string, before: StoredText | undefined): Buffer {
  const isWindows = before !== undefined && /\r\n/.test(before.text) && !/(?<!\r)\n/.test(before.text);
  const lines = isWindows && !text.includes("\r") ? text.replaceAll("\n", "\r\n") : text;
  const marked = before?.bytes.subarray(0, 3).equals(Buffer.from(UTF8_MARK)) && !text.startsWith(UTF8_MARK);
  return Buffer.from(marked ? UTF8_MARK + lines : lines);
}

/**
 * Checks that a text was made from what a file contains now. `basedOn`: revision that it was made from; null for a new file.
 * @throws FileRefusal
 */
export function checkBase(name: string, stored: StoredText | undefined, basedOn: string | null): void {
  const file = JSON.stringify(name);
  if (!stored && basedOn !== null)
    throw new FileRefusal(
      "file_changed",
      `${file} was removed from disk meanwhile; save it as a new file, or leave it`,
    );
  if (stored && basedOn === null)
    throw new FileRefusal(
      "file_exists",
      `there is a file ${file} already; choose another name, or load it first`,
    );
  if (stored && stored.revision !== basedOn)
    throw new FileRefusal(
      "file_changed",
      `${file} was changed on disk meanwhile; nothing was written. Compare both, then save again`,
      { revision: stored.revision },
    );
}

/** Does one thing after the other. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const working = this.#last.then(work);
    this.#last = working.catch(() => undefined);
    return working;
  }
}

export interface Saved {
  readonly revision: string;
  /** Name of the copy of what the file contained, beside it; absent for a new file and where nothing changed. */
  readonly backup?: string;
  /** Whether the file has other bytes than before. */
  readonly changed: boolean;
}

/**
 * Writes a file atomically, and keeps what it contained beside it. `before`: what the text is based on; undefined for a new file.
 * @throws FileRefusal where the file contains anything else by now, or cannot be written
 */
export async function saveStored(
  file: string,
  bytes: Buffer,
  before: StoredText | undefined,
): Promise<Saved> {
  const revision = revisionOf(bytes);
  if (!before) {
    await refusing(() => writeWholeFile(file, newFile(file, bytes)));
    return { revision, changed: true };
  }
  if (before.revision === revision) return { revision, changed: false };
  // A link stays one.
  const path = realpathSync(file);
  const backup = await refusing(() => keep(path, before.bytes));
  try {
    await refusing(() => replaceFile(path, bytes, () => checkUnchanged(path, before)));
  } catch (error) {
    rmSync(backup, { force: true });
    throw error;
  }
  dropOldBackups(path);
  return { revision, backup: basename(backup), changed: true };
}

/** A file that was made meanwhile is not replaced. */
function newFile(file: string, bytes: Buffer) {
  return async (part: string) => {
    await writeFile(part, bytes);
    if (statSync(file, { throwIfNoEntry: false }))
      throw new FileRefusal("file_exists", `${file} was made meanwhile; load it, or choose another name`);
  };
}

function checkUnchanged(path: string, before: StoredText): void {
  const now = readStored(path, Number.MAX_SAFE_INTEGER);
  if (now.revision !== before.revision)
    throw new FileRefusal(
      "file_changed",
      `${path} was changed on disk while it was saved; nothing was written`,
    );
}

/** Writes a copy beside a file, that those may read who can read the file, and returns its path. */
async function keep(path: string, bytes: Buffer): Promise<string> {
  const at = new Date()
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replaceAll(":", "-");
  const { mode } = statSync(path);
  for (let n = 1; ; n++) {
    const copy = `${path}.${at}${n === 1 ? "" : `-${n}`}.bak`;
    try {
      await writeFile(copy, bytes, { flag: "wx", mode: mode & 0o777 });
      return copy;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

const BACKUP = /^\.\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ(?:-\d+)?\.bak$/;

/** Removes all but the last backups that were made here; those of `registry fix` have other names and stay. */
function dropOldBackups(path: string): void {
  const name = basename(path);
  const backups = readdirSync(dirname(path))
    .filter((entry) => entry.startsWith(name) && BACKUP.test(entry.slice(name.length)))
    .map((entry) => join(dirname(path), entry))
    .map((copy) => ({ copy, at: statSync(copy, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .sort((a, b) => b.at - a.at || (a.copy < b.copy ? 1 : -1));
  for (const { copy } of backups.slice(MOST_BACKUPS)) rmSync(copy, { force: true });
}

/** Does a step of a save. @throws FileRefusal with the reason and the remedy where the file system refuses it */
async function refusing<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof FileRefusal) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof OwnedByOthersError) throw new FileRefusal("file_not_written", error.message);
    const remedy = REMEDIES[code ?? ""];
    if (remedy === undefined) throw error;
    throw new FileRefusal("file_not_written", `the file was not written: ${remedy} (${messageOf(error)})`);
  }
}

const REMEDIES: Readonly<Record<string, string>> = {
  EACCES:
    "the user of the bridge may not write to this folder. Give it the right to, or edit the file on the machine",
  EPERM:
    "the user of the bridge may not write to this folder. Give it the right to, or edit the file on the machine",
  EROFS: "the folder is mounted read-only. Edit the file where it comes from",
  ENOSPC: "the disk is full. Make room",
  EDQUOT: "the quota of the user is used up. Make room",
  ENOENT: "its folder does not exist. Make the folder on the machine first",
  ENAMETOOLONG: "the name is too long",
  EBUSY: "the file is mounted by itself (as a volume of one file). Edit it where it comes from",
};

function revisionOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { constants } from "node:os";
import { basename, join } from "node:path";
import { DataFolderInUseError, DataLock } from "../storage/data-lock.ts";
import { identityOf, newerText, syncFolder } from "../storage/sqlite.ts";
import { writeWholeFile } from "../storage/whole-file.ts";

/** Version of the layout of a folder of backups and of its manifests. */
const FORMAT = 1;
const PIECE_BYTES = 1024 * 1024;
const MARK = "voltbridge-backups.json";
const OWN_FILES = new Set([
  MARK,
  `${MARK}.part`,
  "lock.sqlite",
  "lock.json",
  "backups",
  "objects",
  "unfinished",
]);

/** A failure with a text for operators. */
export class BackupError extends Error {
  override readonly name = "BackupError";
}

/** Kind of a database, by which its version is checked; `other`: one of another program. */
export type StoreKind = "state" | "queue" | "history" | "sessions" | "other";

export interface BackedUpFile {
  /** Where it was, absolute. */
  readonly path: string;
  readonly kind: "database" | "day" | "file";
  /** Present for databases. */
  readonly store?: StoreKind;
  readonly bytes: number;
  readonly sha256: string;
  /** Permissions that it had. */
  readonly mode: number;
}

export interface LeftOut {
  readonly path: string;
  readonly why: string;
  /** The system provides it at each start, so it is no fault. */
  readonly provided?: true;
}

/** One backup. */
export interface Manifest {
  readonly format: number;
  /** `<number>-<time>`; the number grows by one with each backup, so that the order does not depend on the clock. */
  readonly name: string;
  readonly created: string;
  /** Version of voltbridge. */
  readonly voltbridge: string;
  readonly instance: string;
  /** The data folder. */
  readonly data: string;
  /** The bridge config; null where there was none. */
  readonly config: string | null;
  /** The nearest folder above all files. */
  readonly base: string;
  readonly files: readonly BackedUpFile[];
  readonly leftOut: readonly LeftOut[];
}

export interface Content {
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * A folder of backups. `objects` has the contents of files by their SHA-256, shared by all backups; `backups` has one manifest for each
 * backup, written last. What no manifest names is left of an interrupted backup.
 */
export class BackupFolder {
  readonly path: string;
  #identity: string;
  #lock: DataLock | undefined;
  #staged = 0;

  private constructor(path: string) {
    this.path = path;
    this.#identity = identityOf(path);
  }

  /** Opens a folder for reading. */
  static open(path: string): BackupFolder {
    if (!existsSync(join(path, MARK)))
      throw new BackupError(
        existsSync(path)
          ? `${path} is not a folder of backups (it has no ${MARK}); name the folder given to "voltbridge backup"`
          : `there is no folder ${path}; is its disk mounted?`,
      );
    readMark(path);
    return new BackupFolder(path);
  }

  /** Opens a folder for a backup, and locks it; creates a missing one, but not those above it. */
  static async openForWriting(path: string, instance: string): Promise<BackupFolder> {
    if (!existsSync(path)) makeFolder(path);
    const strange = readdirSync(path).find((name) => !OWN_FILES.has(name));
    if (!existsSync(join(path, MARK)) && strange !== undefined)
      throw new BackupError(
        `${path} holds other files (${strange}); name an empty or a new folder for the backups`,
      );
    let lock: DataLock;
    try {
      lock = DataLock.take(path);
    } catch (error) {
      if (!(error instanceof DataFolderInUseError)) throw error;
      throw new BackupError(
        `another backup into ${path} is running${error.pid === undefined ? "" : ` (process ${error.pid})`}; wait until it has ended`,
        { cause: error },
      );
    }
    try {
      const folder = new BackupFolder(path);
      folder.#lock = lock;
      if (!existsSync(join(path, MARK)))
        await writeWholeFile(join(path, MARK), [`${JSON.stringify({ format: FORMAT, instance })}\n`]);
      const owner = readMark(path);
      if (owner !== instance)
        throw new BackupError(
          `${path} has the backups of bridge "${owner}"; use another folder for those of "${instance}"`,
        );
      rmSync(folder.#at("unfinished"), { recursive: true, force: true });
      for (const name of ["unfinished", "objects", "backups"])
        mkdirSync(folder.#at(name), { recursive: true, mode: 0o700 });
      syncFolder(folder.#at("objects"));
      return folder;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  close(): void {
    try {
      this.#lock?.release();
    } catch (error) {
      // A disk that has gone away must not hide why the backup failed.
      if (typeof (error as NodeJS.ErrnoException).errno !== "number") throw error;
    }
  }

  /** Returns the path for the content of a file that is being copied. */
  stage(): string {
    this.checkThere();
    return this.#at("unfinished", String(this.#staged++));
  }

  /** Moves a staged file, which is on disk, to its place by content. */
  keep(staged: string, content: Content): void {
    this.checkThere();
    if (this.has(content)) {
      rmSync(staged);
      return;
    }
    const object = this.object(content.sha256);
    mkdirSync(join(object, ".."), { recursive: true, mode: 0o700 });
    renameSync(staged, object);
    syncFolder(object);
    syncFolder(join(object, ".."));
  }

  has({ sha256, bytes }: Content): boolean {
    return statSync(this.object(sha256), { throwIfNoEntry: false })?.size === bytes;
  }

  object(sha256: string): string {
    return this.#at("objects", sha256.slice(0, 2), sha256);
  }

  /** Throws when the folder was removed, or its disk unmounted: nothing may be written into what is there now. */
  checkThere(): void {
    if (identityOf(this.path) !== this.#identity)
      throw Object.assign(new Error(`${this.path} was removed, or its disk was unmounted`), {
        ...{ code: "ENOENT", errno: -constants.errno.ENOENT },
      });
  }

  /** Returns the names of all backups, oldest first. */
  names(): string[] {
    const folder = this.#at("backups");
    if (!existsSync(folder)) return [];
    return readdirSync(folder)
      .flatMap((file) => (/^\d{6,}-[^.]*\.json$/.test(file) ? [basename(file, ".json")] : []))
      .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
  }

  /** @throws {BackupError} for a damaged manifest, and one of a newer version */
  read(name: string): Manifest {
    const file = this.#at("backups", `${name}.json`);
    const damaged = (why: string) => new BackupError(`${file} is damaged: ${why}; use another backup`);
    const [body = "", sum = ""] = readFileSync(file, "utf8").split("\n");
    if (textSum(body) !== sum) throw damaged("its checksum does not match");
    const manifest = JSON.parse(body) as Manifest;
    if (manifest.format > FORMAT)
      throw new BackupError(
        newerText(
          file,
          manifest.format,
          FORMAT,
          `choose an older backup; voltbridge ${manifest.voltbridge} made this one`,
        ),
      );
    return manifest;
  }

  /** Completes a backup: it exists when this returns, and not before. */
  async complete(manifest: Omit<Manifest, "format" | "name" | "created">, now: Date): Promise<Manifest> {
    this.checkThere();
    const last = this.names().at(-1);
    const number = last === undefined ? 1 : Number.parseInt(last, 10) + 1;
    const created = now.toISOString();
    const time = created.slice(0, 19).replaceAll(":", "");
    const name = `${String(number).padStart(6, "0")}-${time}Z`;
    const whole: Manifest = { format: FORMAT, name, created, ...manifest };
    const body = JSON.stringify(whole);
    const file = this.#at("backups", `${name}.json`);
    await writeWholeFile(file, [`${body}\n${textSum(body)}\n`]);
    syncFolder(file);
    return whole;
  }

  /** Removes all but the newest `keep` backups, and the contents that no backup has. Returns the names of removed backups. */
  prune(keep = Number.POSITIVE_INFINITY): string[] {
    this.checkThere();
    const names = this.names();
    const removed = keep < names.length ? names.slice(0, names.length - keep) : [];
    const kept = names.slice(removed.length);
    // Read before anything is removed: a damaged manifest does not say what it needs.
    const needed = new Set(kept.flatMap((name) => this.read(name).files.map(({ sha256 }) => sha256)));
    for (const name of removed) rmSync(this.#at("backups", `${name}.json`));
    syncFolder(this.#at("backups", "x"));
    for (const prefix of readdirSync(this.#at("objects")))
      for (const sha256 of readdirSync(this.#at("objects", prefix)))
        if (!needed.has(sha256)) rmSync(this.#at("objects", prefix, sha256));
    rmSync(this.#at("unfinished"), { recursive: true, force: true });
    return removed;
  }

  #at(...names: string[]): string {
    return join(this.path, ...names);
  }
}

/** Copies a file in pieces and flushes the copy, readable by the owner only. */
export async function copyFile(source: string, target: string, signal?: AbortSignal): Promise<Content> {
  await using from = await open(source, "r");
  await using to = await open(target, "wx", 0o600);
  const content = await contentIn(from, signal, (piece) => to.writeFile(piece));
  await to.sync();
  return content;
}

/** Reads a file in pieces. */
export async function contentOf(file: string, signal?: AbortSignal): Promise<Content> {
  await using handle = await open(file, "r");
  return await contentIn(handle, signal);
}

/** Reads an open file through one buffer: a stream leaves its buffers to the garbage collector, which lets them grow by 100 MB. */
async function contentIn(
  handle: FileHandle,
  signal: AbortSignal | undefined,
  take?: (piece: Buffer) => Promise<void>,
): Promise<Content> {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(PIECE_BYTES);
  for (let bytes = 0; ; ) {
    signal?.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, PIECE_BYTES);
    if (bytesRead === 0) return { sha256: hash.digest("hex"), bytes };
    const piece = buffer.subarray(0, bytesRead);
    hash.update(piece);
    bytes += bytesRead;
    await take?.(piece);
  }
}

function textSum(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new BackupError(`cannot create ${path}: the folder above it does not exist; is its disk mounted?`, {
      cause: error,
    });
  }
}

/** Returns the instance to which a folder belongs. */
function readMark(path: string): string {
  const { format, instance } = JSON.parse(readFileSync(join(path, MARK), "utf8")) as {
    readonly format: number;
    readonly instance: string;
  };
  if (format > FORMAT) throw new BackupError(newerText(path, format, FORMAT, "name another folder"));
  return instance;
}

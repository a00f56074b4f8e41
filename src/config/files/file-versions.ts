import { createHash } from "node:crypto";
import { type Stats, statSync } from "node:fs";
import { disk, type FileAccess, readWithStats } from "./file-access.ts";

/** What a file contained, and who may read it. The same object as long as neither changes. */
export interface FileVersion {
  readonly hash: string;
  readonly mode: number;
}

interface KnownFile {
  readonly version: FileVersion;
  /** Undefined where the stats do not prove that the content is still the same. */
  readonly stamp: string | undefined;
  readonly maxBytes: number;
  /** Round in which the file was last looked at. */
  round: number;
}

/**
 * Age, in milliseconds, that a change must have when the file is read for the stats to prove that it is the last one. File systems
 * store times coarsely: a file that is written twice within one tick has the same stats both times.
 */
const SETTLED_MS = 2000;

/** Remembers files that are read again and again, and tells by their stats, or else by their content, which have changed. */
export class FileVersions {
  readonly #known = new Map<string, KnownFile>();
  #round = 0;

  /** Begins a round, in which each file is looked at once. Forgets the files that the last round did not need. */
  startRound(): void {
    for (const [file, { round }] of this.#known) if (round < this.#round) this.#known.delete(file);
    this.#round++;
  }

  /** Reads a file as {@link readBounded}, and returns its version too. */
  read(file: string, maxBytes: number): { bytes: Buffer; version: FileVersion } {
    const before = this.#known.get(file)?.version;
    this.#known.delete(file);
    const now = Date.now();
    const { bytes, stats } = readWithStats(file, maxBytes);
    const hash = createHash("sha256").update(bytes).digest("base64");
    const { mode, ctimeMs } = stats;
    const version = before?.hash === hash && before.mode === mode ? before : { hash, mode };
    const stamp = now - ctimeMs < SETTLED_MS ? undefined : stampOf(stats);
    this.#known.set(file, { version, stamp, maxBytes, round: this.#round });
    return { bytes, version };
  }

  /** Returns the version of a file that was read before; undefined if it cannot be read now. */
  current(file: string): FileVersion | undefined {
    const known = this.#known.get(file);
    if (!known) return undefined;
    if (known.round === this.#round) return known.version;
    try {
      const stats = statSync(file);
      if (known.stamp === undefined || stampOf(stats) !== known.stamp)
        return this.read(file, known.maxBytes).version;
    } catch {
      // The loader of the file reads it next, and reports the reason.
      this.#known.delete(file);
      return undefined;
    }
    known.round = this.#round;
    return known.version;
  }
}

function stampOf({ dev, ino, size, mtimeMs, ctimeMs }: Stats): string {
  return `${dev} ${ino} ${size} ${mtimeMs} ${ctimeMs}`;
}

/** Records the files on which a result depends, so that it can be kept for as long as they are the same. */
export class RecordedFiles implements FileAccess {
  readonly #versions: FileVersions;
  /** Undefined for a file that could not be read. */
  readonly #read = new Map<string, FileVersion | undefined>();
  /** Kinds of what paths led to. */
  readonly #looked = new Map<string, string>();

  constructor(versions: FileVersions) {
    this.#versions = versions;
  }

  read(file: string, maxBytes: number): Buffer {
    this.#read.set(file, undefined);
    const { bytes, version } = this.#versions.read(file, maxBytes);
    this.#read.set(file, version);
    return bytes;
  }

  stat(path: string): Stats | undefined {
    this.#looked.set(path, "unknown");
    const stats = disk.stat(path);
    this.#looked.set(path, kindOf(stats));
    return stats;
  }

  /** Returns whether every file has the content, and every path leads to the kind of file, that was recorded. */
  areCurrent(): boolean {
    for (const [file, version] of this.#read)
      if (version === undefined || this.#versions.current(file) !== version) return false;
    for (const [path, kind] of this.#looked) if (kindNow(path) !== kind) return false;
    return true;
  }

  hasRead(file: string): boolean {
    return this.#read.get(file) !== undefined;
  }

  /** The files that were read, and the paths that were looked at. */
  *paths(): Generator<string> {
    yield* this.#read.keys();
    yield* this.#looked.keys();
  }
}

function kindNow(path: string): string | undefined {
  try {
    return kindOf(disk.stat(path));
  } catch {
    return undefined;
  }
}

function kindOf(stats: Stats | undefined): string {
  return stats ? (stats.isFile() ? "file" : "other") : "nothing";
}

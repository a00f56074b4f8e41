import { createHash } from "node:crypto";
import { mkdir, readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { newerText } from "../../storage/sqlite.ts";
import { writeWholeFile } from "../../storage/whole-file.ts";
import { ImportError, type Position } from "./source.ts";

/** Version of the file's layout; files without one are of version 1. */
const FORMAT = 1;

export interface Progress {
  readonly position: Position;
  /** Number of rows that are done. */
  readonly rows: number;
  readonly complete: boolean;
}

/**
 * How far the import of a file is, in the data folder. A file that was changed, and an import into another store or with other options,
 * begins anew.
 */
export class Checkpoint {
  readonly #file: string;
  readonly #key: string;

  private constructor(file: string, key: string) {
    this.#file = file;
    this.#key = key;
  }

  /** `what`: the store and the options. `restart`: what was done before does not count. */
  static async of(source: string, dataFolder: string, what: unknown, restart: boolean): Promise<Checkpoint> {
    const path = resolve(source);
    const { size, mtimeMs } = await stat(path);
    const folder = join(dataFolder, "imports");
    await mkdir(folder, { recursive: true, mode: 0o700 });
    // Hashed, because the settings of a store may contain a password.
    const checkpoint = new Checkpoint(
      join(folder, `${hash(path).slice(0, 16)}.json`),
      hash(JSON.stringify([path, size, mtimeMs, what])),
    );
    if (restart) await checkpoint.save({ position: {}, rows: 0, complete: false });
    return checkpoint;
  }

  /** @throws {ImportError} for a checkpoint of a newer version */
  async load(): Promise<Progress | undefined> {
    let saved: Progress & { readonly key: string; readonly format?: number };
    try {
      saved = JSON.parse(await readFile(this.#file, "utf8"));
    } catch {
      // There is none, or it was damaged: everything is imported again, which changes nothing.
      return undefined;
    }
    const { key, format = 1, ...progress } = saved;
    if (format > FORMAT)
      throw new ImportError(newerText(this.#file, format, FORMAT, "begin the import anew with --restart"));
    return key === this.#key && progress.rows > 0 ? progress : undefined;
  }

  async save(progress: Progress): Promise<void> {
    await writeWholeFile(this.#file, [JSON.stringify({ format: FORMAT, key: this.#key, ...progress })]);
  }
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

import { createHash } from "node:crypto";
import { mkdir, readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { writeWholeFile } from "../../storage/whole-file.ts";
import type { Position } from "./source.ts";

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

  async load(): Promise<Progress | undefined> {
    try {
      const { key, ...progress } = JSON.parse(await readFile(this.#file, "utf8")) as Progress & {
        key: string;
      };
      return key === this.#key && progress.rows > 0 ? progress : undefined;
    } catch {
      // There is none, or it was damaged: everything is imported again, which changes nothing.
      return undefined;
    }
  }

  async save(progress: Progress): Promise<void> {
    await writeWholeFile(this.#file, [JSON.stringify({ key: this.#key, ...progress })]);
  }
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { identityOf } from "../../../../storage/sqlite.ts";
import type { DayRow } from "./catalogue.ts";
import { DayFileError } from "./day-file-form.ts";
import { checkDayFile, DayFile } from "./day-file-reader.ts";

/** Number of files kept open. */
const OPEN = 64;

/** A file of a day that cannot be read; its day is left out. */
export interface UnreadableDay {
  readonly path: string;
  readonly why: string;
}

/** The files of days that are being read. A file never changes; another version of a day has another path. */
export class DayFiles {
  readonly #folder: string;
  readonly #onUnreadable: (day: UnreadableDay) => void;
  readonly #open = new Map<string, { readonly file: DayFile; readonly identity: string }>();
  readonly #missed = new Set<string>();
  readonly #reported = new Set<string>();

  /** `onUnreadable`: called once for each file. */
  constructor(folder: string, onUnreadable: (day: UnreadableDay) => void) {
    this.#folder = folder;
    this.#onUnreadable = onUnreadable;
  }

  /** Returns a file by its path below the folder. @throws {DayFileError} */
  get(path: string): DayFile {
    const full = join(this.#folder, path);
    // A day that was removed as a whole, and came again, has its first path again.
    if (this.#open.get(path)?.identity !== identityOf(full)) this.#forget(path);
    const open = this.#open.get(path) ?? { file: new DayFile(full), identity: identityOf(full) };
    // The most recently used are last.
    this.#open.delete(path);
    this.#open.set(path, open);
    this.#missed.delete(path);
    const [oldest] = this.#open.keys();
    if (this.#open.size > OPEN && oldest !== undefined) this.#forget(oldest);
    return open.file;
  }

  /**
   * Reports an error of a file, which is then opened anew by the next call. Throws errors of another kind, and the first one of a missing
   * file: another version of the day may have replaced it since the catalogue was read.
   */
  report(path: string, error: unknown): void {
    if (!(error instanceof DayFileError)) throw error;
    this.#forget(path);
    if (error.fault === "missing" && !this.#missed.has(path)) {
      this.#missed.add(path);
      throw error;
    }
    if (this.#reported.has(path)) return;
    this.#reported.add(path);
    this.#onUnreadable({ path: join(this.#folder, path), why: error.message });
  }

  /** Reads a whole file. Returns what is wrong with it; undefined when nothing is, or the day has another file by now. */
  check(path: string, current: () => Pick<DayRow, "sha256"> | undefined): string | undefined {
    const expected = current();
    try {
      if (expected) checkDayFile(join(this.#folder, path), { sha256: expected.sha256! });
    } catch (error) {
      const { message, syscall } = error as NodeJS.ErrnoException;
      if (!(error instanceof DayFileError || syscall)) throw error;
      if (current()) return message;
    }
    return undefined;
  }

  /** Returns the paths of all Parquet files in the folder. */
  paths(): string[] {
    if (!existsSync(this.#folder)) return [];
    return readdirSync(this.#folder, { recursive: true, encoding: "utf8" }).filter((path) =>
      /\.parquet(\.part)?$/.test(path),
    );
  }

  close(): void {
    for (const path of [...this.#open.keys()]) this.#forget(path);
  }

  #forget(path: string): void {
    this.#open.get(path)?.file.close();
    this.#open.delete(path);
  }
}

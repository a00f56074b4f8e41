import { randomFillSync } from "node:crypto";
import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";

const CHUNK_BYTES = 64 * 1024;

/**
 * Reserved disk space: a file that is released when the disk is full, so that SQLite, which needs space even to delete, can still
 * commit.
 */
export class DiskReserve {
  readonly #file: string;
  readonly #bytes: number;
  #there = false;

  constructor(file: string, bytes: number) {
    this.#file = file;
    this.#bytes = bytes;
  }

  get there(): boolean {
    return this.#there;
  }

  /** Reserves the space if the disk has twice as much available. Returns whether it is reserved now. */
  take(): boolean {
    if (this.#there) return true;
    try {
      this.#there =
        statSync(this.#file, { throwIfNoEntry: false })?.size === this.#bytes ||
        (this.#spare() && this.#write());
    } catch {
      // Not reserved; callers retry later.
      this.release();
    }
    return this.#there;
  }

  /** Releases the space. */
  release(): void {
    this.#there = false;
    try {
      rmSync(this.#file, { force: true });
    } catch {
      // The disk has another failure than being full; the file is found again later.
    }
  }

  #spare(): boolean {
    const { bavail, bsize } = statfsSync(dirname(this.#file));
    return bavail * bsize >= 2 * this.#bytes;
  }

  #write(): boolean {
    const file = openSync(this.#file, "w", 0o600);
    try {
      // Random, because some file systems store zeros without using space.
      const chunk = randomFillSync(Buffer.alloc(CHUNK_BYTES));
      for (let left = this.#bytes; left > 0; ) left -= writeSync(file, chunk, 0, Math.min(left, CHUNK_BYTES));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    return true;
  }
}

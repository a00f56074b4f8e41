import { closeSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";
import type { TallyRow } from "./tally.ts";

/** Written over and over in one piece, so that it takes no more of the disk than at first. */
const BYTES = 1024;

/**
 * The counters as of the last commit, in a small file beside the queue. It is written after each commit and never flushed, so
 * it may be behind the queue, but never ahead of it; unless the queue lost commits, which is how that is found out.
 */
export class Mark {
  readonly #file: string;
  #descriptor: number | undefined;

  constructor(file: string) {
    this.#file = markOf(file);
  }

  write(rows: readonly TallyRow[]): void {
    const json = JSON.stringify(rows);
    const text = `${crc32(json)} ${json}`.padEnd(BYTES);
    try {
      this.#descriptor ??= openSync(this.#file, "w", 0o600);
      writeSync(this.#descriptor, text, 0);
    } catch {
      // It only helps to count after damage; the commit is safe without it.
      this.close();
    }
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}

/** What the mark beside a queue file says; undefined where there is none that is sound. */
export function readMark(file: string): readonly TallyRow[] | undefined {
  try {
    const [, sum, json = ""] = /^(\d+) (.*?) *$/s.exec(readFileSync(markOf(file), "utf8")) ?? [];
    return Number(sum) === crc32(json) ? (JSON.parse(json) as TallyRow[]) : undefined;
  } catch {
    return undefined;
  }
}

export function removeMark(file: string): void {
  rmSync(markOf(file), { force: true });
}

function markOf(file: string): string {
  return `${file}-mark`;
}

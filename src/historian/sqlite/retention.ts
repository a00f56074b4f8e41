import { performance } from "node:perf_hooks";
import type { Retention } from "../contract.ts";
import type { SqliteThread } from "./thread.ts";

/** Rows that go in one transaction: some milliseconds, for batches wait behind it. */
const STEP = 5000;
/** Milliseconds that one call removes for. */
const BUDGET = 1000;

/** Removing the oldest samples. Their pages are used again; the file does not shrink by itself. */
export class SqliteRetention implements Retention {
  readonly #writer: SqliteThread;
  readonly #reader: SqliteThread;

  constructor(writer: SqliteThread, reader: SqliteThread) {
    this.#writer = writer;
    this.#reader = reader;
  }

  async removeBefore(before: number, signal?: AbortSignal): Promise<number> {
    const until = performance.now() + BUDGET;
    let removed = 0;
    for (let step = -1; step !== 0 && performance.now() < until; removed += step)
      step = await this.#writer.call("remove", { before, rows: STEP }, signal);
    return removed;
  }

  async oldest(signal?: AbortSignal, from?: number): Promise<number | undefined> {
    return await this.#reader.call("oldest", from, signal);
  }

  async size(signal?: AbortSignal): Promise<number | undefined> {
    return await this.#reader.call("size", undefined, signal);
  }
}

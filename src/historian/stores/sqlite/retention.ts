import type { Retention } from "../../contract.ts";
import { removeInSteps } from "../remove-in-steps.ts";
import type { SqliteThread } from "./thread.ts";

/** Removing the oldest samples. Their pages are used again; the file does not shrink by itself. */
export class SqliteRetention implements Retention {
  readonly #writer: SqliteThread;
  readonly #reader: SqliteThread;

  constructor(writer: SqliteThread, reader: SqliteThread) {
    this.#writer = writer;
    this.#reader = reader;
  }

  async removeBefore(before: number, signal?: AbortSignal): Promise<number> {
    return await removeInSteps((rows) => this.#writer.call("remove", { before, rows }, signal));
  }

  async oldest(signal?: AbortSignal, from?: number): Promise<number | undefined> {
    return await this.#reader.call("oldest", from, signal);
  }

  async size(signal?: AbortSignal): Promise<number | undefined> {
    return await this.#reader.call("size", undefined, signal);
  }
}

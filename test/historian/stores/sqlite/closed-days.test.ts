import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ReadRequest, Row } from "../../../../src/historian/contract.ts";
import { SqliteBackend, type SqliteOptions } from "../../../../src/historian/stores/sqlite/backend.ts";
import { DAY } from "../../../../src/historian/time.ts";
import { historianContract } from "../../../contracts/historian-contract.ts";

/** A time after that of every sample of a test. */
const END = Date.UTC(2255, 0, 1) * 1000;

/** Closes all days, and merges what came late, before each question. */
class ClosingBackend extends SqliteBackend {
  #closing: Promise<void> | undefined;

  constructor(options: SqliteOptions) {
    super(options);
    const retention = this.retention!;
    const { oldest } = retention;
    retention.oldest = async (...args) => {
      await this.#closed();
      return await oldest.apply(retention, args);
    };
  }

  override async read(request: ReadRequest, signal?: AbortSignal): Promise<readonly Row[]> {
    await this.#closed();
    return await super.read(request, signal);
  }

  async #closed(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    while (await this.upkeep!.work({ now: END + 2 * DAY, thorough: true }));
    this.#closing = undefined;
  }
}

historianContract("sqlite, all days closed", async () => {
  const folder = mkdtempSync(join(tmpdir(), "voltbridge-days-"));
  return {
    connect: () =>
      new ClosingBackend({
        ...{ file: join(folder, "history.sqlite"), durability: "normal", readonly: false, recentDays: 0 },
      }),
    remove: async () => rmSync(folder, { recursive: true }),
    removesWholeDays: true,
  };
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Sample } from "../../../../src/historian/contract.ts";
import { SqliteBackend } from "../../../../src/historian/stores/sqlite/backend.ts";
import { DAY } from "../../../../src/historian/time.ts";
import { historianContract } from "../../../contracts/historian-contract.ts";

/** A time after that of every sample of a test. */
const END = Date.UTC(2255, 0, 1) * 1000;

/** Closes all days after each batch, and merges what came late. */
class ClosingBackend extends SqliteBackend {
  override async write(samples: readonly Sample[], signal?: AbortSignal): Promise<void> {
    await super.write(samples, signal);
    while (await this.upkeep!.work({ now: END + 2 * DAY, thorough: true }, signal));
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

import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DiskQueue, QueueNotice } from "../../src/queue/index.ts";
import { expectBalance, readAll, record } from "../contracts/queue-contract.ts";
import { openAt, temporaryFolder } from "./queue-place.ts";

describe("H11: a queue file removed while in use", () => {
  let folder: string;
  let notices: QueueNotice[];
  let queue: DiskQueue;
  const open = () => openAt(folder, { retryMs: 20, onNotice: (notice) => notices.push(notice) });

  beforeEach(async () => {
    folder = temporaryFolder();
    notices = [];
    queue = await open();
    await queue.append(["a", "b", "c"].map((text) => record(text)));
  });
  afterEach(async () => {
    await queue.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test.each([
    ["all that is in the folder", () => readdirSync(folder)],
    ["the file alone", () => ["queue.sqlite"]],
    ["its log alone", () => ["queue.sqlite-wal"]],
  ])(
    "H11: %s: it is made anew with all that waits, though nothing comes, and told once",
    async (_, which) => {
      for (const name of which()) rmSync(join(folder, name));
      await expect.poll(() => notices.length, { timeout: 5000 }).toBe(1);
      expect(notices[0]).toMatchObject({ severity: "warning", kind: "file_removed" });
      expect(notices[0]!.text).toContain("queue.sqlite was removed while in use");
      await queue.append([record("d")]);
      await queue.close();
      queue = await open();
      expect((await readAll(queue)).map(({ text }) => text)).toEqual(["a", "b", "c", "d"]);
      expectBalance(await queue.counters());
      expect(notices).toHaveLength(1);
    },
  );
});

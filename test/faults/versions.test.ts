import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Historian, openHistorian } from "../../src/historian/index.ts";
import { createLog } from "../../src/log/log.ts";
import { openQueue } from "../../src/queue/index.ts";
import { readAll } from "../contracts/queue-contract.ts";
import { SETTINGS } from "../historian/settings.ts";
import { releasedHistorians, releasedQueues } from "./released.ts";

const log = createLog({ level: "silent" });
const child = fileURLToPath(new URL("./migration-child.ts", import.meta.url));

describe("A27: files of every version so far", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "voltbridge-versions-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test.each(Object.entries(releasedQueues))(
    "a queue of schema %s: what waits, the dead letters and the books are the same",
    async (_, { make, contents }) => {
      const file = join(folder, "queue.sqlite");
      make(file);
      for (let life = 0; life < 2; life++) {
        const queue = await openQueue({ file, log });
        expect(await readAll(queue)).toEqual(contents.waiting);
        expect(await queue.deadLetters()).toEqual(contents.deadLetters);
        expect(await queue.counters()).toMatchObject(contents.counters);
        await queue.close();
      }
    },
  );

  test.each(Object.entries(releasedHistorians))(
    "a historian in SQLite of schema %s: queries have the same answers",
    async (_, { make, topics, rows }) => {
      make(join(folder, "historian.sqlite"));
      for (const readonly of [true, false, true]) {
        const historian: Historian = await openHistorian(SETTINGS, folder, { log, readonly });
        if (!readonly) await historian.backend.open();
        expect((await historian.backend.topics()).toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual(
          topics,
        );
        for (const [topic, expected] of Object.entries(rows))
          expect(
            await historian.backend.read({ topic, order: "FIRST_TO_LAST", skip: 0, limit: 100 }),
          ).toEqual(expected);
        await historian.close();
      }
    },
  );

  test.each(Object.entries(releasedQueues))(
    "a queue of schema %s: a migration that is killed half way is as if it had not begun",
    async (_, { make, contents }) => {
      const file = join(folder, "queue.sqlite");
      make(file);
      for (let i = 0; i < 5; i++) {
        const { signal, stderr } = spawnSync(process.execPath, [child, file], { encoding: "utf8" });
        expect(signal, stderr).toBe("SIGKILL");
      }
      const queue = await openQueue({ file, log });
      expect(await readAll(queue)).toEqual(contents.waiting);
      expect(await queue.counters()).toMatchObject(contents.counters);
      await queue.close();
    },
  );
});

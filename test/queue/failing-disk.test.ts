import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readAll } from "../contracts/queue-contract.ts";
import { Ledger } from "./ledger.ts";
import { openAt, temporaryFolder } from "./queue-place.ts";

const child = fileURLToPath(new URL("./queue-child.ts", import.meta.url));
const hasStrace = spawnSync("strace", ["-o", "/dev/null", "true"]).status === 0;

/** What the system answers where a disk fails, was mounted read-only, or may not be used any more. */
const TROUBLES = {
  "the disk fails to write (EIO)": ["pwrite64:error=EIO"],
  "the disk fails to flush (EIO)": ["fsync:error=EIO"],
  "the disk became read-only (EROFS)": ["pwrite64:error=EROFS", "openat:error=EROFS"],
  "the right to write was taken away (EACCES)": ["pwrite64:error=EACCES", "openat:error=EACCES"],
};

describe.skipIf(!hasStrace)("A18: a disk that fails for a while (strace answers for the system)", () => {
  let folder: string;
  let running: ChildProcess | undefined;
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(() => {
    running?.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  });

  test.each(Object.entries(TROUBLES))(
    "%s: it goes on by itself, the balance are exact",
    async (_, faults) => {
      const file = join(folder, "queue.sqlite");
      const options = JSON.stringify({ retryMs: 50, memoryBytes: 200_000, reserveBytes: 131_072 });
      running = spawn(process.execPath, [child, file, "Infinity", options], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let output = "";
      running.stdout?.on("data", (chunk: Buffer) => {
        output += chunk;
      });
      const lines = (pattern: RegExp) => output.split("\n").filter((line) => pattern.test(line)).length;
      const printed = async (pattern: RegExp, times: number) =>
        await expect.poll(() => lines(pattern), { interval: 20 }).toBeGreaterThan(times);

      await printed(/accepted/, 5);
      const calls = faults.map((fault) => fault.split(":")[0]);
      const only = ["", "-wal", "-shm"].flatMap((end) => ["-P", file + end]);
      const strace = spawn(
        "strace",
        ["-f", "-qq", "-o", "/dev/null", ...only, "-e", `trace=${calls}`].concat(
          faults.flatMap((fault) => ["-e", `inject=${fault}`]),
          ["-p", String(running.pid)],
        ),
        { stdio: "ignore" },
      );
      await printed(/queue_blocked/, 0);
      strace.kill("SIGINT");
      await once(strace, "close");
      const before = lines(/accepted/);
      await printed(/queue_resumed/, 0);
      await printed(/accepted/, before + 5);
      running.kill("SIGKILL");
      await once(running, "close");

      const ledger = new Ledger();
      ledger.add(output);
      const notices: string[] = [];
      const queue = await openAt(folder, { onNotice: ({ kind }) => notices.push(kind) });
      const waiting = (await readAll(queue)).map(({ id }) => id);
      ledger.add(`${JSON.stringify({ found: { counters: await queue.counters(), waiting } })}\n`);
      await queue.close();
      expect(notices).toEqual([]);
    },
  );
});

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { roundsOf } from "../faults/scale.ts";
import { Ledger } from "./ledger.ts";
import { temporaryFolder } from "./queue-place.ts";

const child = fileURLToPath(new URL("./queue-child.ts", import.meta.url));
const hasStrace = spawnSync("strace", ["-o", "/dev/null", "true"]).status === 0;

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Lives through one child; `during` may end it. Gives all that it printed. */
async function live(
  command: readonly string[],
  during?: (process: ChildProcess) => Promise<void>,
): Promise<{ output: string; killed: boolean }> {
  const [program = "", ...args] = command;
  const running = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  const ended = once(running, "close");
  const found = new Promise<void>((resolve) => {
    running.stdout.on("data", (chunk: Buffer) => {
      output += chunk;
      if (output.includes("\n")) resolve();
    });
  });
  await Promise.race([found, ended]);
  await during?.(running);
  const [, signal] = (await ended) as [number | null, NodeJS.Signals | null];
  return { output, killed: signal === "SIGKILL" };
}

async function killedAtRandom(file: string, ledger: Ledger): Promise<void> {
  const { output } = await live([process.execPath, child, file], async (running) => {
    // Somewhere in its work, which is what this is about.
    await sleep(Math.random() * 150);
    running.kill("SIGKILL");
  });
  ledger.add(output);
}

describe("killed with -9", () => {
  test("A4: at random moments: every accepted record is there or settled, the balance balance", async () => {
    const rounds = roundsOf({ ordinary: 10, few: 4 });
    const lives = async (file: string) => {
      const ledger = new Ledger();
      for (let round = 0; round < rounds; round++) await killedAtRandom(file, ledger);
      ledger.add((await live([process.execPath, child, file, "0"])).output);
      return ledger;
    };
    const ledgers = await Promise.all(["a", "b"].map((name) => lives(join(folder, `${name}.sqlite`))));
    for (const { notices, accepted } of ledgers) {
      expect(notices).toEqual([]);
      expect(accepted).toBeGreaterThan(10 * rounds);
    }
  }, 60_000);

  test.skipIf(!hasStrace)(
    "A5: in the middle of a commit, of a checkpoint, of making the file (strace kills at the n-th write or flush)",
    async () => {
      const lives = async (file: string, calls: readonly string[]) => {
        const ledger = new Ledger();
        for (const call of calls.slice(0, roundsOf({ ordinary: calls.length, few: 4 }))) {
          const trace = [
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            `trace=${call.split(":")[0]}`,
            "-e",
            `inject=${call}`,
          ];
          const { output, killed } = await live([
            "strace",
            ...trace,
            process.execPath,
            child,
            file,
            "400",
            '{"reserveBytes":131072}',
          ]);
          expect(killed, call).toBe(true);
          ledger.add(output);
        }
        ledger.add((await live([process.execPath, child, file, "0"])).output);
        return ledger;
      };
      const at = (call: string, ...times: number[]) => times.map((n) => `${call}:signal=SIGKILL:when=${n}`);
      const ledgers = await Promise.all([
        lives(join(folder, "a.sqlite"), [
          ...at("pwrite64", 3, 111, 333),
          ...at("fsync", 17, 2, 5),
          ...at("pwrite64", 15, 40),
        ]),
        lives(join(folder, "b.sqlite"), [
          ...at("fsync", 1, 9, 57),
          ...at("pwrite64", 500),
          ...at("fsync", 4, 23),
          ...at("pwrite64", 77, 24),
        ]),
      ]);
      for (const { notices, accepted } of ledgers) {
        expect(notices).toEqual([]);
        expect(accepted).toBeGreaterThan(50);
      }
    },
    90_000,
  );

  test.skipIf(!hasStrace)(
    "A20: before a record is called accepted, the file was flushed to the disk",
    async () => {
      const trace = join(folder, "trace");
      const strace = ["strace", "-f", "-qq", "-y", "-o", trace, "-e", "trace=fdatasync,fsync,write,pwrite64"];
      await live([...strace, process.execPath, child, join(folder, "queue.sqlite"), "20"]);
      let flushed = false;
      let accepted = 0;
      for (const line of readFileSync(trace, "utf8").split("\n")) {
        if (/pwrite64\(\d+<[^>]*queue\.sqlite(-wal)?>/.test(line)) flushed = false;
        if (/f(data)?sync\(\d+<[^>]*queue\.sqlite-wal>/.test(line)) flushed = true;
        if (!/write\(1<.*"\{\\"accepted\\"/.test(line)) continue;
        accepted++;
        expect(flushed, line).toBe(true);
      }
      expect(accepted).toBeGreaterThan(10);
    },
  );
});

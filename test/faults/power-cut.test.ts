import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { expectBalance, readAll } from "../contracts/queue-contract.ts";
import { openAt, temporaryFolder } from "../queue/queue-place.ts";
import { type DiskCall, readTrace, traceInto } from "./disk-trace.ts";
import { rounds } from "./scale.ts";

const child = fileURLToPath(new URL("../queue/queue-child.ts", import.meta.url));
const hasStrace = spawnSync("strace", ["-o", "/dev/null", "true"]).status === 0;
const OPTIONS = '{"reserveBytes":131072}';

describe.skipIf(!hasStrace)("the power goes", () => {
  let folder: string;
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("A20: whatever was not flushed yet is gone or half there, and every accepted record is there", async ({
    annotate,
  }) => {
    const file = join(folder, "queue.sqlite");
    execFileSync(process.execPath, [child, file, "5", OPTIONS]);
    const before = new Map(["", "-wal"].map((end) => [file + end, contents(file + end)]));
    const trace = join(folder, "trace");
    execFileSync("strace", [...traceInto(trace), process.execPath, child, file, "60", OPTIONS], {
      maxBuffer: 1e9,
    });
    const calls = readTrace(trace);
    const flushes = calls.filter((call) => call.kind === "flush" && call.file.startsWith(file)).length;
    expect(flushes).toBeGreaterThan(50);

    let cuts = 0;
    let accepted = 0;
    for (; cuts < rounds(60); cuts++) {
      const at = Math.floor(Math.random() * calls.length);
      const place = join(folder, "cut");
      mkdirSync(place);
      for (const [name, bytes] of before) {
        const left = afterCut(calls.slice(0, at), name, bytes);
        if (left.length > 0 || name === file) writeFileSync(join(place, name.slice(folder.length + 1)), left);
      }
      const owed = owedAt(calls.slice(0, at));
      accepted += owed.size;
      const notices: string[] = [];
      const queue = await openAt(place, { onNotice: ({ kind }) => notices.push(kind) });
      const there = new Set((await readAll(queue)).map(({ id }) => id));
      expectBalance(await queue.counters());
      await queue.close();
      expect(
        [...owed].filter((id) => !there.has(id)),
        `after call ${at}`,
      ).toEqual([]);
      expect(notices).toEqual([]);
      rmSync(place, { recursive: true });
    }
    await annotate(
      `${cuts} cuts among ${calls.length} calls with ${flushes} flushes; ${accepted} accepted records looked for, all there`,
    );
  });
});

/** A file after the power went: what was flushed is on the disk, of what came after it each write may be. */
function afterCut(calls: readonly DiskCall[], file: string, before: Buffer): Buffer {
  const flushed = calls.findLastIndex((call) => call.kind === "flush" && call.file === file);
  let bytes = before;
  calls.forEach((call, index) => {
    if (call.kind === "said" || call.kind === "flush" || call.file !== file) return;
    if (index > flushed && Math.random() < 0.5) return;
    const size = call.kind === "cut" ? call.size : Math.max(bytes.length, call.offset + call.data.length);
    const next = Buffer.alloc(size);
    bytes.copy(next);
    if (call.kind === "write") call.data.copy(next, call.offset);
    bytes = next;
  });
  return bytes;
}

/** Ids that were called accepted, and of which no settlement was begun. */
function owedAt(calls: readonly DiskCall[]): Set<number> {
  const owed = new Set<number>();
  const said = calls.flatMap((call) => (call.kind === "said" ? [call.text] : [])).join("");
  for (const text of said.split("\n").slice(0, -1)) {
    const line = JSON.parse(text) as {
      accepted?: [id: number, samples: number][];
      settling?: number[];
      found?: { waiting: number[] };
    };
    for (const [id] of line.accepted ?? []) owed.add(id);
    for (const id of line.found?.waiting ?? []) owed.add(id);
    for (const id of line.settling ?? []) owed.delete(id);
  }
  return owed;
}

function contents(file: string): Buffer {
  return existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
}

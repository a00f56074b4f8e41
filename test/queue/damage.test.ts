import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CountersFile } from "../../src/queue/counters.ts";
import type { QueuedRecord, QueueNotice } from "../../src/queue/index.ts";
import { expectBalance, readAll, record } from "../contracts/queue-contract.ts";
import { releasedQueues } from "../faults/released.ts";
import { openAt, temporaryFolder } from "./queue-place.ts";

const COUNT = 400;
const SHARED = "what half of them have in common ".repeat(50);

describe("A19: a damaged file", () => {
  let original: string;
  let appended: readonly QueuedRecord[];
  let folder: string;
  const notices: QueueNotice[] = [];

  /** A queue as a killed process leaves it: with its log beside it. */
  beforeAll(async () => {
    original = temporaryFolder();
    const queue = await openAt(original);
    const texts = Array.from({ length: COUNT }, (_, i) => `${i} `.padEnd(50 + ((i * 37) % 900), "abc"));
    appended = await queue.append(
      texts.map((text, i) => ({ ...record(text, 2), ...(i % 2 > 0 && { shared: SHARED }) })),
    );
    await queue.settle(
      appended.slice(0, 10).map(({ id, ...rest }) => ({
        id,
        delivered: 1,
        dead: [{ ...rest, samples: 1, reason: "bad", detail: "no" }],
      })),
    );
    mkdirSync(join(original, "killed"));
    mkdirSync(join(original, "closed"));
    copy(original, join(original, "killed"), ["", "-wal", "-mark"]);
    await queue.close();
    copy(original, join(original, "closed"), ["", "-mark"]);
  });
  afterAll(() => rmSync(original, { recursive: true }));
  beforeEach(() => {
    folder = temporaryFolder();
    notices.length = 0;
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const file = () => join(folder, "queue.sqlite");
  const open = () => openAt(folder, { onNotice: (notice) => notices.push(notice) });
  const aside = () => readdirSync(folder).filter((name) => /\.damaged-[\dT.-]+Z$/.test(name));

  /** Opens what is there; what it gives must be what was written, and the books must balance. */
  async function survivors(): Promise<{ waiting: number; damaged: number }> {
    const queue = await open();
    const left = await readAll(queue);
    const written = new Map(appended.map((one) => [one.id, one]));
    for (const { incomplete, ...one } of left)
      expect({ ...one, ...(incomplete && { shared: SHARED }) }).toEqual(written.get(one.id));
    const counters = await queue.counters();
    expectBalance(counters);
    expect(counters.waiting).toBe(2 * left.length);
    const [fresh] = await queue.append([record("fresh")]);
    expect(fresh!.id).toBeGreaterThan(appended.at(-1)!.id);
    await queue.settle([{ id: fresh!.id, delivered: 1 }]);
    await queue.close();
    const check = new DatabaseSync(file(), { readOnly: true });
    expect(check.prepare("PRAGMA integrity_check").get()?.integrity_check).toBe("ok");
    check.close();
    return { waiting: left.length, damaged: counters.dropped.damaged ?? 0 };
  }

  function copy(from: string, to: string, ends: readonly string[]): void {
    for (const end of ends) copyFileSync(join(from, `queue.sqlite${end}`), join(to, `queue.sqlite${end}`));
  }

  function overwrite(offset: number, bytes: Buffer): void {
    const descriptor = openSync(file(), "r+");
    writeSync(descriptor, bytes, 0, bytes.length, offset);
    closeSync(descriptor);
  }

  test("as a control: a killed and a closed one are not damaged", async () => {
    for (const kind of ["killed", "closed"]) {
      copy(join(original, kind), folder, kind === "killed" ? ["", "-wal", "-mark"] : ["", "-mark"]);
      expect(await survivors()).toEqual({ waiting: COUNT - 10, damaged: 0 });
      for (const name of readdirSync(folder)) rmSync(join(folder, name));
    }
    expect(notices).toEqual([]);
  });

  test("empty: moved aside, reported, and created again", async () => {
    writeFileSync(file(), "");
    expect(await survivors()).toEqual({ waiting: 0, damaged: 0 });
    expect(aside()).toHaveLength(1);
    expect(notices).toMatchObject([{ severity: "error", kind: "queue_damaged" }]);
  });

  test("its log removed: moved aside and reported", async () => {
    copy(join(original, "killed"), folder, ["", "-mark"]);
    // What was appended had found its way into the file, what was settled had not: it comes again.
    expect(await survivors()).toEqual({ waiting: COUNT, damaged: 0 });
    expect(aside()).toHaveLength(1);
    expect(notices[0]?.text).toContain("-wal");
  });

  test("its log removed with records in it: they are counted", async () => {
    const elsewhere = join(folder, "elsewhere");
    const queue = await openAt(elsewhere);
    await queue.append(appended.slice(0, 5));
    copy(elsewhere, folder, ["", "-mark"]);
    await queue.close();
    expect(await survivors()).toEqual({ waiting: 0, damaged: 10 });
    expect(notices[0]?.text).toContain("10 values are lost");
  });

  test("its log removed, and damaged too: the contents of the file itself are recovered", async () => {
    copy(join(original, "closed"), folder, ["", "-mark"]);
    overwrite(statSync(file()).size - 5000, Buffer.alloc(4096, 0xee));
    const { waiting, damaged } = await survivors();
    expect(waiting).toBeGreaterThan(COUNT - 40);
    expect(waiting + Math.round(damaged / 2)).toBe(COUNT - 10);
    expect(notices[0]?.text).toContain(`${damaged} values are lost`);
    expect(readFileSync(join(folder, aside()[0]!)).includes(Buffer.alloc(4096, 0xee))).toBe(true);
  });

  test("truncated at any position: the rest is recovered", async () => {
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 0, max: 0.999, noNaN: true }), async (share) => {
        copy(join(original, "closed"), folder, ["", "-mark"]);
        const size = statSync(file()).size;
        truncateSync(file(), Math.floor(size * share));
        const { waiting, damaged } = await survivors();
        if (damaged > 0) expect(waiting + Math.floor(damaged / 2)).toBeGreaterThanOrEqual(COUNT - 20);
        // The tables' first pages come first; behind them, about as much is left as was not cut away.
        if (share > 0.1) expect(waiting).toBeGreaterThan((COUNT - 10) * (share - 0.1));
        expect(aside()).toHaveLength(1);
        for (const name of readdirSync(folder)) rmSync(join(folder, name));
      }),
      { numRuns: 6 },
    );
  });

  test("4 kB of noise at any position: only intact records are recovered, and most of them are", async () => {
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(), async (share, seed) => {
        copy(join(original, "closed"), folder, ["", "-mark"]);
        const offset = Math.floor((statSync(file()).size - 4096) * share);
        overwrite(offset, noise(seed));
        const { waiting } = await survivors();
        if (offset > 8 * 4096) expect(waiting).toBeGreaterThan(COUNT - 60);
        for (const name of readdirSync(folder)) rmSync(join(folder, name));
      }),
      { numRuns: 6, examples: [[0, 1]] },
    );
  });

  test("noise in the first page: the tables are found nevertheless", async () => {
    copy(join(original, "closed"), folder, ["", "-mark"]);
    overwrite(0, noise(7));
    expect(await survivors()).toEqual({ waiting: COUNT - 10, damaged: 0 });
    expect(aside()).toHaveLength(1);
  });

  test("damaged while it is in use: repaired on the way, nothing is answered wrong", async () => {
    const queue = await open();
    await queue.append(Array.from({ length: 3000 }, (_, i) => record(`${i} `.padEnd(500, "x"))));
    await queue.close();
    const again = await open();
    overwrite(statSync(file()).size - 8192, noise(3));
    const left = await readAll(again);
    expect(left.length).toBeGreaterThan(2900);
    const counters = await again.counters();
    expectBalance(counters);
    expect(counters.waiting).toBe(left.length);
    expect(counters.dropped.damaged).toBe(3000 - left.length);
    expect(notices.map(({ kind }) => kind)).toEqual(["queue_damaged"]);
    await again.close();
  });

  test("a file of the version before is repaired too", async () => {
    const { make, contents } = releasedQueues["1"];
    make(file());
    const counters = new CountersFile(file());
    counters.write([["accepted", "", 110]]);
    counters.close();
    const queue = await open();
    expect(await readAll(queue)).toEqual(contents.waiting);
    expect(await queue.deadLetters()).toEqual(contents.deadLetters);
    expect(await queue.counters()).toMatchObject({ waiting: 60, dropped: { limit: 9, damaged: 10 } });
    await queue.close();
  });

  describe("a shared text", () => {
    const sharing = ["a", "b", "c"].map((text) => ({ ...record(text), shared: SHARED }));
    const change = (sql: string) => {
      const db = new DatabaseSync(file());
      db.exec(sql);
      db.close();
    };
    const told = (records: readonly QueuedRecord[]) =>
      records.map(({ text, shared, incomplete }) => [text, shared ?? incomplete]);

    test.each(["DELETE FROM shared", "UPDATE shared SET text = 'another'"])(
      "is lost (%s): its records stay, say so, and have it again when it comes again",
      async (sql) => {
        const before = await open();
        await before.append(sharing);
        await before.close();
        change(sql);
        const queue = await open();
        expect(told(await readAll(queue))).toEqual(["a", "b", "c"].map((text) => [text, true]));
        await queue.append([{ ...record("d"), shared: SHARED }]);
        expect(told(await readAll(queue))).toEqual(["a", "b", "c", "d"].map((text) => [text, SHARED]));
        expect((await queue.counters()).waiting).toBe(4);
        await queue.close();
      },
    );

    test("outlives a repair: from the file, or from the memory of the process", async () => {
      for (const sql of ["", "; DELETE FROM shared"]) {
        const queue = await open();
        const [first] = await queue.append(sharing);
        change(`UPDATE record SET text = 'wrong' WHERE id = ${first!.id}${sql}`);
        expect(told(await readAll(queue))).toEqual(["b", "c"].map((text) => [text, SHARED]));
        await queue.close();
        const again = await open();
        const left = await readAll(again);
        expect(told(left)).toEqual(["b", "c"].map((text) => [text, SHARED]));
        await again.settle(left.map(({ id }) => ({ id, delivered: 1 })));
        await again.close();
      }
      expect(notices.map(({ kind }) => kind)).toEqual(["queue_damaged", "queue_damaged"]);
    });
  });

  test("an interrupted repair is finished", async () => {
    copy(join(original, "closed"), folder, ["", "-mark"]);
    copyFileSync(file(), `${file()}.salvaged`);
    overwrite(0, noise(1));
    writeFileSync(`${file()}-wal`, "of the old one");
    expect(await survivors()).toEqual({ waiting: COUNT - 10, damaged: 0 });
    expect(existsSync(`${file()}.salvaged`)).toBe(false);
  });

  test("of a newer version: refused with what to do, and not touched", async () => {
    copy(join(original, "closed"), folder, ["", "-mark"]);
    const db = new DatabaseSync(file());
    db.exec("PRAGMA user_version = 99");
    db.close();
    const before = readFileSync(file());
    await expect(open()).rejects.toThrow(
      /newer voltbridge \(format 99; this version supports 2\).*voltbridge restore/,
    );
    expect(readFileSync(file()).equals(before)).toBe(true);
    expect(readdirSync(folder)).toEqual(["queue.sqlite", "queue.sqlite-mark"]);
  });

  test("a SQLite file of another program: refused, and not touched", async () => {
    const db = new DatabaseSync(file());
    db.exec("CREATE TABLE mine (a)");
    db.close();
    const before = readFileSync(file());
    await expect(open()).rejects.toThrow(/a SQLite file of another program/);
    expect(readFileSync(file()).equals(before)).toBe(true);
  });

  test("G6: only the owner can read the files", async () => {
    const queue = await open();
    await queue.append([record("a")]);
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o077).toBe(0);
    await queue.close();
  });
});

/** 4 kB that look like nothing, the same for the same seed. */
function noise(seed: number): Buffer {
  const bytes = Buffer.alloc(4096);
  let state = seed * 2_654_435_761 + 12_345;
  for (let i = 0; i < bytes.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

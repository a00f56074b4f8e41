import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { HistorianBackend } from "../../../../src/historian/contract.ts";
import { SqliteBackend } from "../../../../src/historian/stores/sqlite/backend.ts";
import { historianContract, sample } from "../../../contracts/historian-contract.ts";

historianContract("sqlite", async () => {
  const folder = mkdtempSync(join(tmpdir(), "voltbridge-historian-"));
  return {
    connect: () =>
      new SqliteBackend({
        file: join(folder, "deep", "history.sqlite"),
        durability: "normal",
        readonly: false,
      }),
    remove: async () => rmSync(folder, { recursive: true }),
  };
});

describe("sqlite file", () => {
  const NOON = Date.UTC(2026, 10, 21, 12) * 1000;
  const open: HistorianBackend[] = [];
  let folder: string;
  let file: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "voltbridge-sqlite-"));
    file = join(folder, "data", "history.sqlite");
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((backend) => backend.close()));
    rmSync(folder, { recursive: true });
  });

  function backend(readonly = false): SqliteBackend {
    const made = new SqliteBackend({ file, durability: "full", readonly });
    open.push(made);
    return made;
  }

  async function values(of: HistorianBackend, topic: string): Promise<unknown[]> {
    const rows = await of.read({ topic, order: "FIRST_TO_LAST", skip: 0, limit: 1000 });
    return rows.map(([, value]) => value);
  }

  it("G6: file and folder are the owner's alone, whatever the umask", async () => {
    const before = process.umask(0);
    try {
      const writer = backend();
      await writer.write([sample("a/b", NOON, 1)]);
      for (const end of ["", "-wal", "-shm"]) expect(statSync(file + end).mode & 0o777).toBe(0o600);
      expect(statSync(join(folder, "data")).mode & 0o777).toBe(0o700);
    } finally {
      process.umask(before);
    }
  });

  it("B9: a second process reads while the bridge writes, and after it stopped", async () => {
    const writer = backend();
    await writer.write([sample("a/b", NOON, 1)]);
    const reader = backend(true);
    expect(await values(reader, "a/b")).toEqual([1]);
    await writer.write([sample("a/b", NOON + 1, 2)]);
    expect(await values(reader, "a/b")).toEqual([1, 2]);
    await writer.close();
    await reader.close();
    expect(await values(backend(true), "a/b")).toEqual([1, 2]);
  });

  it("a readonly backend writes nothing and makes nothing", async () => {
    const reader = backend(true);
    await expect(reader.open()).rejects.toMatchObject({
      kind: "retry",
      message: expect.stringContaining("no history at"),
    });
    await expect(reader.write([sample("a/b", NOON, 1)])).rejects.toMatchObject({ kind: "give_up" });
    expect(statSync(join(folder, "data"), { throwIfNoEntry: false })).toBeUndefined();
  });

  it("A19: a newer schema is refused and not touched", async () => {
    const writer = backend();
    await writer.write([sample("a/b", NOON, 1)]);
    await writer.close();
    const db = new DatabaseSync(file);
    db.exec("PRAGMA user_version = 99");
    db.close();
    const refused = { kind: "give_up", message: expect.stringContaining("newer voltbridge (format 99") };
    await expect(backend().write([sample("a/b", NOON, 2)])).rejects.toMatchObject(refused);
    await expect(backend(true).open()).rejects.toMatchObject(refused);
    const after = new DatabaseSync(file);
    expect(after.prepare("SELECT value FROM sample").all()).toEqual([{ value: 1 }]);
    after.close();
  });

  it("refuses a file of something else, and one that is no database", async () => {
    const writer = backend();
    await writer.open();
    await writer.close();
    rmSync(file);
    const db = new DatabaseSync(file);
    db.exec("CREATE TABLE data (ts timestamp)");
    db.close();
    await expect(backend().open()).rejects.toMatchObject({
      kind: "give_up",
      message: expect.stringContaining("a SQLite file of another program"),
    });
    writeFileSync(file, "this is text, not a database, and it is long enough to be looked at".repeat(100));
    await expect(backend().open()).rejects.toMatchObject({
      kind: "give_up",
      message: expect.stringContaining("not a SQLite file"),
    });
  });

  it("a folder that cannot be written is worth another try", async () => {
    writeFileSync(join(folder, "data"), "a file where the folder should be");
    const writer = backend();
    await expect(writer.open()).rejects.toMatchObject({ kind: "retry" });
    rmSync(join(folder, "data"));
    await writer.write([sample("a/b", NOON, 1)]);
    expect(await values(writer, "a/b")).toEqual([1]);
  });

  it("a batch that fails leaves nothing behind and can be written again", async () => {
    const writer = backend();
    await writer.write([sample("a/b", NOON, 1)]);
    const db = new DatabaseSync(file);
    db.exec(
      "CREATE TRIGGER boom BEFORE INSERT ON sample WHEN new.value = 13 BEGIN SELECT RAISE(ABORT, 'boom'); END",
    );
    const batch = Array.from({ length: 120 }, (_, i) => sample(`new/topic/p${i}`, NOON, i === 110 ? 13 : 1));
    await expect(writer.write(batch)).rejects.toMatchObject({
      kind: "retry",
      message: expect.stringContaining("boom"),
    });
    expect(await writer.topics()).toHaveLength(1);
    expect(await values(writer, "new/topic/p0")).toEqual([]);
    db.exec("DROP TRIGGER boom");
    db.close();
    await writer.write(batch);
    expect(await writer.topics()).toHaveLength(121);
    expect(await values(writer, "new/topic/p110")).toEqual([13]);
  });

  it("a write that waits for another process gives up on its deadline, and no second one piles up behind it", async () => {
    const writer = backend();
    await writer.open();
    const other = new DatabaseSync(file);
    other.exec("BEGIN IMMEDIATE");
    const late = writer.write([sample("a/b", NOON, 1)], AbortSignal.timeout(50));
    await expect(late).rejects.toMatchObject({ kind: "retry", message: expect.stringContaining("in time") });
    await expect(writer.write([sample("a/b", NOON, 2)])).rejects.toMatchObject({ kind: "retry" });
    other.exec("COMMIT");
    other.close();
    await expect
      .poll(() => writer.write([sample("a/b", NOON, 2)]).then(() => "written", String))
      .toBe("written");
    expect(await values(writer, "a/b")).toEqual([2]);
  });

  it("B12: a file removed while in use is made again, with its topics", async () => {
    const writer = backend();
    await writer.write([sample("a/b", NOON, 1)]);
    expect(await values(writer, "a/b")).toEqual([1]);
    rmSync(file);
    await writer.write([sample("a/b", NOON + 1, 2)]);
    expect(await values(writer, "a/b")).toEqual([2]);
    await writer.write([sample("a/b", NOON + 2, 3)]);
    await writer.close();
    expect(await values(backend(), "a/b")).toEqual([2, 3]);
  });

  it("after it is closed there is one file, which can be copied", async () => {
    const writer = backend();
    await writer.write([sample("a/b", NOON, 1)]);
    expect(await values(writer, "a/b")).toEqual([1]);
    await writer.close();
    expect(readdirSync(join(folder, "data"))).toEqual(["history.sqlite"]);
  });

  it("large texts go when they are replaced or deleted", async () => {
    const writer = backend();
    await writer.write([sample("a/b", NOON, "x".repeat(9000)), sample("a/b", NOON + 1, "y".repeat(9000))]);
    await writer.write([sample("a/b", NOON, "z".repeat(9000))]);
    const db = new DatabaseSync(file);
    const count = (): unknown => db.prepare("SELECT count(*) AS n FROM large_value").get()?.n;
    expect(count()).toBe(2);
    await writer.write([sample("a/b", NOON, "small")]);
    expect(count()).toBe(1);
    db.exec("DELETE FROM sample");
    expect(count()).toBe(0);
    db.close();
  });

  it("B8: what was removed makes room for what comes, and is not counted", async () => {
    const writer = backend();
    const retention = writer.retention!;
    const day = (of: number) =>
      Array.from({ length: 20_000 }, (_, i) =>
        sample(`a/d${i % 40}/p${i % 8}`, NOON + of * 86_400_000_000 + i, i / 7),
      );
    await writer.write(day(0));
    await writer.write(day(1));
    const size = async (): Promise<number> => (await retention.size()) as number;
    const [used, pages] = [await size(), statSync(file).size];
    for (let of = 2; of < 7; of++) {
      let removed = 0;
      for (let step = -1; step !== 0; removed += step)
        step = await retention.removeBefore(NOON + (of - 1) * 86_400_000_000);
      expect(removed).toBe(20_000);
      expect(await size()).toBeLessThan(used * 0.7);
      await writer.write(day(of));
      expect(await size()).toBeLessThan(used * 1.1);
    }
    await writer.close();
    expect(statSync(file).size).toBeLessThan(Math.max(pages, used) * 1.2);
  });

  it("B8: a batch waits for one step of removing, not for all of it", async () => {
    const writer = backend();
    const all = Array.from({ length: 60_000 }, (_, i) => sample(`a/p${i % 10}`, NOON + i, i));
    await writer.write(all);
    const order: string[] = [];
    const removing = writer.retention!.removeBefore(NOON + 60_000).then(() => order.push("removed"));
    await writer.write([sample("a/live", NOON + 70_000, 1)]).then(() => order.push("written"));
    await removing;
    expect(order).toEqual(["written", "removed"]);
  });

  it("the view history reads well in SQL", async () => {
    const writer = backend();
    const text = "x".repeat(9000);
    const stored = [1.5, "INUSE", true, null, text, "42", "NaN"];
    await writer.write(stored.map((value, i) => sample("a/b", NOON + i * 1_000_000, value)));
    const db = new DatabaseSync(file, { readOnly: true });
    const rows = db.prepare("SELECT * FROM history ORDER BY time").all();
    db.close();
    expect(rows.map((row) => row.value)).toEqual([1.5, "INUSE", 1, null, text, "42", "NaN"]);
    expect({ ...rows[0] }).toEqual({
      topic: "a/b",
      time: "2026-11-21T12:00:00.000Z",
      value: 1.5,
      units: "kW",
    });
  });
});

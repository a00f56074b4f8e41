import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { openHistorian } from "../../../../../src/historian/index.ts";
import { openForWriting } from "../../../../../src/historian/stores/sqlite/database-file.ts";
import { dayOf, days } from "../../../../../src/historian/stores/sqlite/days/catalogue.ts";
import { closeDay } from "../../../../../src/historian/stores/sqlite/days/closing.ts";
import { Thinning } from "../../../../../src/historian/thinning.ts";
import { DAY, HOUR } from "../../../../../src/historian/time.ts";
import { createLog } from "../../../../../src/log/log.ts";
import type { PointValue } from "../../../../../src/points/index.ts";
import { releasedHistorians } from "../../../../faults/released.ts";
import { isFull } from "../../../../faults/scale.ts";
import { noSmallDisk, SmallDisk } from "../../../../queue/small-disk.ts";
import { SETTINGS } from "../../../settings.ts";
import { MIDNIGHT, THE_DAY } from "./rows.ts";
import { SmallStore } from "./small-store.ts";

const SECOND = 1_000_000;
const TOPICS = isFull ? 100_000 : 2000;
const LOAD = "site/s1/portLoad_1";
const STATE = "site/s1/networkStatus";

/** Some days of two topics, from the 21st on. */
function storeOf(count: number, each = 20): SmallStore {
  const store = new SmallStore();
  for (let day = 0; day < count; day++)
    for (let row = 0; row < each; row++) {
      const time = MIDNIGHT + day * DAY + row * SECOND;
      store.write([LOAD, time, row / 4], [STATE, time, row % 3 === 0 ? "UNREACHABLE" : "REACHABLE"]);
    }
  return store;
}

describe("a file of a day that cannot be read", () => {
  const damages: Record<string, [says: RegExp, damage: (file: string) => void]> = {
    "has flipped bytes": [
      /damaged: its checksum/,
      (file) => {
        const bytes = readFileSync(file);
        bytes.fill(0x55, 10, bytes.length - 600);
        writeFileSync(file, bytes);
      },
    ],
    "is cut": [/damaged/, (file) => truncateSync(file, 300)],
    "is empty": [/damaged/, (file) => truncateSync(file, 0)],
    "is gone": [/missing/, (file) => rmSync(file)],
    "is a folder": [
      /EISDIR/,
      (file) => {
        rmSync(file);
        mkdirSync(file);
      },
    ],
  };
  test.each(Object.entries(damages))(
    "B17: one that %s costs its day, is named, and stops nothing else",
    (_, [says, damage]) => {
      using store = storeOf(3);
      store.closeDays(THE_DAY + 2);
      const file = join(store.folder, "2026/11/21.parquet");
      damage(file);
      const faults = store.reader.days().map(({ path }) => store.reader.check(path!));
      expect(faults).toEqual([expect.stringMatching(says), undefined]);
      // Late samples of the day are answered, and of other days.
      store.write([LOAD, MIDNIGHT + 1, 5], [LOAD, MIDNIGHT + DAY + 1, 6], [LOAD, MIDNIGHT + 3 * DAY, 7]);
      expect(() => store.closeDays(THE_DAY + 4, true)).toThrow(says);
      // The fault is reported once, and the other days are written again and closed.
      store.closeDays(THE_DAY + 4, true);
      expect(store.reader.days().map(({ path }) => path)).toEqual([
        "2026/11/21.parquet",
        "2026/11/22-2.parquet",
        "2026/11/23.parquet",
        "2026/11/24.parquet",
      ]);
      expect(store.reader.topics()).toHaveLength(2);
      if (says.source === "EISDIR") return;
      const rows = store.rowsOf(LOAD);
      store.rowsOf(LOAD);
      store.rowsOf(STATE);
      expect(rows.filter(([time]) => time < MIDNIGHT + DAY)).toEqual([[MIDNIGHT + 1, 5]]);
      expect(rows).toHaveLength(1 + 21 + 20 + 1);
      expect(store.unreadable).toEqual([file]);
    },
  );

  test("B17: one of a newer version of the format is named, and left as it is", () => {
    using store = storeOf(2);
    store.closeDays(THE_DAY + 1);
    const file = join(store.folder, "2026/11/21.parquet");
    const newer = readFileSync(file, "latin1").replace(/(voltbridge\.format[^1]{1,4})1/s, "$12");
    writeFileSync(file, newer, "latin1");
    const hash = new DatabaseSync(store.file);
    // As the newer version would enter it.
    hash.prepare("UPDATE day SET sha256 = ?").run(sha256(file));
    hash.close();
    store.write([LOAD, MIDNIGHT + 1, 5]);
    expect(store.reader.check("2026/11/21.parquet")).toMatch(/newer version of voltbridge.*Run that version/);
    expect(() => store.closeDays(THE_DAY + 1, true)).toThrow(/newer version/);
    store.closeDays(THE_DAY + 1, true);
    expect(store.rowsOf(LOAD)).toHaveLength(1 + 20);
    expect(readFileSync(file, "latin1")).toBe(newer);
  });

  test("B17: files that are not of the store are listed, and left alone", () => {
    using store = storeOf(2);
    const other = join(store.folder, "2026/11/21.parquet");
    mkdirSync(dirname(other), { recursive: true });
    writeFileSync(other, "mine");
    store.closeDays(THE_DAY + 2);
    store.expectLedger();
    expect(store.reader.others()).toEqual(["2026/11/21.parquet"]);
    expect(readFileSync(other, "utf8")).toBe("mine");
    expect(store.reader.days()[0]!.path).toBe("2026/11/21-2.parquet");
  });
});

describe("a folder that cannot be written", () => {
  function expectToWait(store: SmallStore, says: RegExp): void {
    for (let round = 0; round < 3; round++) {
      expect(() => store.closeDays(THE_DAY + 3)).toThrow(says);
      store.write([LOAD, MIDNIGHT + round, round], [LOAD, MIDNIGHT + DAY + round, 7 - round]);
      store.expectLedger();
    }
    // One day waits, the others were not begun.
    const database = new DatabaseSync(store.file, { readOnly: true });
    expect(database.prepare("SELECT day, path FROM day").all()).toEqual([{ day: THE_DAY, path: null }]);
    database.close();
  }

  test("A18: ingest and answers go on; days are closed once it can be", () => {
    using store = storeOf(3);
    writeFileSync(store.folder, "");
    expectToWait(store, /ENOTDIR|EEXIST/);
    rmSync(store.folder);
    store.closeDays(THE_DAY + 3);
    store.expectLedger();
    store.expectCleanFiles();
    expect(store.reader.days()).toHaveLength(3);
  });

  test.skipIf(noSmallDisk)(
    "A17: a full disk: nothing half-written is left; days are closed once there is room",
    () => {
      using store = storeOf(3, 400);
      const disk = new SmallDisk(256 * 1024);
      try {
        symlinkSync(disk.data, store.folder);
        store.closeDays(THE_DAY);
        disk.fill();
        expectToWait(store, /ENOSPC/);
        expect(store.filesThere()).toEqual([]);
        disk.empty();
        store.closeDays(THE_DAY + 3);
        store.expectLedger();
        store.expectCleanFiles();
      } finally {
        disk.remove();
      }
    },
  );
});

describe("while a day is being closed", () => {
  /** Closes a day, or writes it again, and calls `meanwhile` between its parts. */
  function closeSlowly(store: SmallStore, meanwhile: () => void): void {
    const database = openForWriting(store.file, "normal");
    try {
      database.run("INSERT OR IGNORE INTO day (day) VALUES (?)", THE_DAY);
      closeDay(database, store.folder, days(database, "WHERE day = ?", THE_DAY)[0]!, meanwhile);
    } finally {
      database.close();
    }
  }

  test("every question sees all samples once: in both orders, in pages, thinned, and summed up", () => {
    using store = storeOf(2);
    const expectAnswers = () => {
      store.expectLedger();
      const rows = store.rowsOf(LOAD);
      const end = MIDNIGHT + 9 * DAY;
      for (const order of ["FIRST_TO_LAST", "LAST_TO_FIRST"] as const) {
        const paged: number[] = [];
        for (let skip = 0; skip < rows.length; skip += 13)
          paged.push(...store.reader.read({ topic: LOAD, order, skip, limit: 13 }).times);
        const times = rows.map(([time]) => time);
        expect(paged).toEqual(order === "FIRST_TO_LAST" ? times : times.reverse());
      }
      const thinning = new Thinning(HOUR);
      for (const [time, value] of rows) thinning.add(time, value);
      const thin = store.reader.thin({ topic: LOAD, start: MIDNIGHT, end, period: HOUR });
      expect([...thin.times].map((time, at) => [time, thin.values[at]])).toEqual(thinning.finish());
    };
    let late = 0;
    const meanwhile = () => {
      expectAnswers();
      store.write([LOAD, MIDNIGHT + DAY - 1 - late, late], [LOAD, MIDNIGHT + late * SECOND, "corrected"]);
      late += 1;
      expectAnswers();
    };
    closeSlowly(store, meanwhile);
    meanwhile();
    closeSlowly(store, meanwhile);
    meanwhile();
    for (let more = true; more; meanwhile())
      more = store.keeper.work({ closeBefore: THE_DAY + 1, thorough: false });
    store.closeDays(THE_DAY + 1, true);
    expectAnswers();
    store.expectCleanFiles();
  });

  test.each([false, true])("B8: removing it leaves nothing of it (it has a file already: %s)", (hasFile) => {
    using store = storeOf(2);
    if (hasFile) {
      store.closeDays(THE_DAY + 1);
      store.write([LOAD, MIDNIGHT + 1, 1]);
    }
    let isRemoved = false;
    closeSlowly(store, () => {
      if (!isRemoved) store.remove(MIDNIGHT + DAY);
      isRemoved = true;
    });
    store.remove(MIDNIGHT + DAY);
    store.closeDays(THE_DAY, true);
    for (const topic of store.ledger.values())
      for (const time of topic.keys()) if (time < MIDNIGHT + DAY) topic.delete(time);
    store.expectLedger();
    store.expectCleanFiles();
    expect(store.reader.days()).toEqual([]);
  });

  test("a clock that is set back across midnight: the day goes on, and nothing is lost", () => {
    using store = storeOf(2);
    store.closeDays(THE_DAY + 2);
    // It was wrong by a day: today is closed, and samples of it go on coming.
    for (let row = 0; row < 50; row++) {
      store.write([LOAD, MIDNIGHT + DAY + HOUR + row, row]);
      store.closeDays(THE_DAY + 1);
    }
    store.expectLedger();
    store.closeDays(THE_DAY + 2, true);
    store.expectLedger();
    store.expectCleanFiles();
  });
});

test("B8: corrected values of a day that stays are not taken back when older ones are removed", () => {
  using store = storeOf(2);
  store.closeDays(THE_DAY + 1);
  store.write([LOAD, MIDNIGHT + 3 * SECOND, "corrected"]);
  store.remove(MIDNIGHT + HOUR);
  store.expectLedger();
  store.remove(MIDNIGHT + DAY);
  expect(store.rowsOf(LOAD).map(([time]) => dayOf(time))).not.toContain(THE_DAY);
});

describe("unusual days", () => {
  function expectClosed(store: SmallStore, before: number): void {
    store.expectLedger();
    store.closeDays(before);
    store.expectLedger();
    store.expectCleanFiles();
  }

  test("at midnight, a microsecond before it, and decades apart", () => {
    using store = new SmallStore();
    store.write(
      [LOAD, MIDNIGHT, 1],
      [LOAD, MIDNIGHT - 1, 2],
      [LOAD, MIDNIGHT + DAY - 1, 3],
      [LOAD, MIDNIGHT + DAY, 4],
    );
    for (let year = 1901; year < 2026; year += 20) store.write([STATE, Date.UTC(year, 0, 1) * 1000, year]);
    store.write([STATE, 0, "1970"], [STATE, -1, "1969"], [STATE, Date.UTC(2250, 1, 1) * 1000, null]);
    expectClosed(store, dayOf(Date.UTC(2255, 0, 1) * 1000));
    expect(store.filesThere()).toContain("1969/12/31.parquet");
    const request = { topic: STATE, order: "LAST_TO_FIRST", skip: 2, limit: 2 } as const;
    expect([...store.reader.read(request).values]).toEqual([2001, 1981]);
    expect(store.reader.oldest()).toBe(Date.UTC(1901, 0, 1) * 1000);
  });

  test("B4: every kind of value in one topic, long ones and nested ones, across days and late", () => {
    using store = new SmallStore();
    const deep = JSON.parse(`${"[".repeat(200)}1${"]".repeat(200)}`);
    const values: PointValue[] = [
      ...[0, -1.5, 1e-7, 2 ** 53, 0.1 + 0.2, 1e300, true, false, null],
      ...[
        "",
        "NaN",
        "true",
        "@",
        "7",
        'say "hi"\n⚡',
        "\ud800 alone",
        "x".repeat(65_536),
        "é".repeat(32_768),
      ],
      ...[[], {}, { a: [1, null, { b: "\udc00" }] }, deep, ["y".repeat(65_536)]],
    ];
    for (let day = 0; day < 3; day++)
      store.write(...values.map((value, row) => [LOAD, MIDNIGHT + day * DAY + row, value] as const));
    expectClosed(store, THE_DAY + 2);
    store.write(...values.map((value, row) => [LOAD, MIDNIGHT + values.length - row, value] as const));
    store.write(...values.map((value, row) => [STATE, MIDNIGHT + DAY + row, value] as const));
    store.expectLedger();
    store.closeDays(THE_DAY + 2, true);
    store.expectLedger();
    store.expectCleanFiles();
  });

  test(`B3: ${TOPICS} topics with one sample each`, () => {
    using store = new SmallStore();
    const topics = Array.from({ length: TOPICS }, (_, n) => `site/d${n % 50}/point${n}`);
    store.write(...topics.map((topic, n) => [topic, MIDNIGHT + n, n] as const));
    const database = openForWriting(store.file, "normal");
    database.run("INSERT INTO day (day) VALUES (?)", THE_DAY);
    closeDay(database, store.folder, days(database, "")[0]!, () => {});
    database.close();
    for (const n of [0, 1, 777, TOPICS - 1]) expect(store.rowsOf(topics[n]!)).toEqual([[MIDNIGHT + n, n]]);
    expect(store.reader.days()).toMatchObject([{ rows: TOPICS }]);
  });

  test.runIf(isFull)("B3: a hundred samples a second: more than are in memory at once", () => {
    using store = new SmallStore();
    const count = 255_000;
    const samples = Array.from({ length: count }, (_, n) => [LOAD, MIDNIGHT + n * 10_000, n % 1000] as const);
    for (let at = 0; at < count; at += 51_000) store.write(...samples.slice(at, at + 51_000));
    store.write([STATE, MIDNIGHT + 5, "one"]);
    const database = openForWriting(store.file, "normal");
    database.run("INSERT INTO day (day) VALUES (?)", THE_DAY);
    closeDay(database, store.folder, days(database, "")[0]!, () => {});
    database.close();
    store.expectLedger();
  });
});

describe("the file of an older version", () => {
  const { make, rows } = releasedHistorians["1"];

  test("A27: is read as it is, and goes on to be while another process migrates it and closes its days", () => {
    using store = new SmallStore();
    make(store.file);
    for (const [topic, samples] of Object.entries(rows))
      store.ledger.set(topic, new Map(samples as [number, PointValue][]));
    store.expectLedger();
    expect(store.reader.days()).toEqual([]);
    store.write([LOAD, MIDNIGHT, 1]);
    store.expectLedger();
    store.closeDays(THE_DAY + 1);
    store.expectLedger();
    store.expectCleanFiles();
    expect(store.reader.days().map(({ day }) => day)).toEqual([0, THE_DAY]);
  });
});

test("a local day with a change of the clocks is summed up from the files of two days, in part from their rollups", async () => {
  using store = new SmallStore();
  const start = Date.UTC(2026, 9, 30) * 1000;
  for (let quarter = 0; quarter < 4 * 24 * 5; quarter++)
    store.write([LOAD, start + quarter * (HOUR / 4), 0.25]);
  store.closeDays(dayOf(start) + 5);
  const log = createLog({ level: "silent" });
  const historian = await openHistorian(SETTINGS, store.place, { readonly: true, log });
  try {
    const days = {
      ...{ topic: LOAD, aggType: "sum", aggPeriod: "1d", tz: "America/Los_Angeles" },
      ...{ start: "2026-10-31T07:00:00Z", end: "2026-11-03T08:00:00Z" },
    };
    const { values } = await historian.query(days);
    expect(values[LOAD]!.map(([, sum]) => sum)).toEqual([24, 25, 24]);
  } finally {
    await historian.close();
  }
});

test("the view of the file has recent and late samples, each once", () => {
  using store = storeOf(2, 3);
  store.closeDays(THE_DAY + 1);
  store.write([LOAD, MIDNIGHT + 1, "late"], [LOAD, MIDNIGHT + 2 * SECOND, { a: 1 }]);
  const database = new DatabaseSync(store.file, { readOnly: true });
  const rows = database.prepare("SELECT time, value FROM history WHERE topic = ? ORDER BY time").all(LOAD);
  database.close();
  expect(rows.map(({ time, value }) => [time, value])).toEqual([
    ["2026-11-21T00:00:00.000Z", "late"],
    ["2026-11-21T00:00:02.000Z", '{"a":1}'],
    ["2026-11-22T00:00:00.000Z", 0],
    ["2026-11-22T00:00:01.000Z", 0.25],
    ["2026-11-22T00:00:02.000Z", 0.5],
  ]);
});

function sha256(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

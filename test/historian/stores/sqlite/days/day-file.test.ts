import {
  copyFileSync,
  existsSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import fc from "fast-check";
import { parquetMetadata } from "hyparquet";
import { ByteWriter, type ColumnSource, ParquetWriter, parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, test } from "vitest";
import { ROW_COLUMNS } from "../../../../../src/historian/row-columns.ts";
import { DayFileError, KEYS } from "../../../../../src/historian/stores/sqlite/days/day-file-form.ts";
import { checkDayFile, DayFile } from "../../../../../src/historian/stores/sqlite/days/day-file-reader.ts";
import {
  type DayBlock,
  type DayFileSummary,
  writeDayFile,
} from "../../../../../src/historian/stores/sqlite/days/day-file-writer.ts";
import { fromColumns } from "../../../../../src/historian/stores/sqlite/rows.ts";
import { DAY } from "../../../../../src/historian/time.ts";
import type { PointValue } from "../../../../../src/points/index.ts";
import { COMPRESSION, schemaOf } from "../../../../../src/storage/parquet.ts";
import { readParquet } from "../../../../helpers/parquet.ts";
import { block, MIDNIGHT, rowsOf, THE_DAY, temporaryFolder } from "./rows.ts";

const HARD: PointValue[] = [
  ...[0, 1, -5.5, 0.1 + 0.2, 5e-324, -1.7976931348623157e308, 2 ** 53 - 1, 6.589],
  ...[
    "",
    "a",
    "NaN",
    "Infinity",
    "true",
    "null",
    "1",
    "\0",
    "\u{1f600}é",
    "\ufeffmark",
    "a\r\nb",
    "x".repeat(70_000),
  ],
  ...["\ud800", "a\udfffb", "\udc00\ud800"],
  ...[null, true, false, [], {}, [null, "\ud800", 1.5], { a: { b: [true] }, "\udfff": "", "": null }],
  JSON.parse('{"__proto__": 1, "2": 2, "1": 1}') as PointValue,
];

const faultOf = (call: () => unknown): string | undefined => {
  try {
    call();
    return undefined;
  } catch (error) {
    if (error instanceof DayFileError) return error.fault;
    throw error;
  }
};

describe("a file of a day", () => {
  test("gives every value back to the bit, with its time", () => {
    using folder = temporaryFolder();
    const path = folder.path("hard.parquet");
    const blocks = [
      block("a/hard", HARD),
      block("a/null", [null, null]),
      block("b/bool", [true, true, false]),
    ];
    const summary = writeDayFile(path, THE_DAY, blocks);
    expect(statSync(path)).toMatchObject({ size: summary.bytes });
    expect(summary).toMatchObject({ rows: HARD.length + 5, firstTime: MIDNIGHT });
    expect(summary.topics.map(({ columns }) => columns)).toEqual([7, 0, 5]);
    checkDayFile(path, summary);
    using file = new DayFile(path);
    expect(file.topics()).toEqual(
      summary.topics.map(({ topic, firstRow, rows }) => ({ topic, firstRow, rows })),
    );
    for (const [index, rows] of blocks.entries())
      expect(rowsOf(file, summary.topics[index]!)).toStrictEqual(fromColumns(rows));
  });

  test("−0 is 0, as in every store", () => {
    using folder = temporaryFolder();
    const path = folder.path("zero.parquet");
    const summary = writeDayFile(path, THE_DAY, [block("a/b", [-0, 1])]);
    using file = new DayFile(path);
    expect(rowsOf(file, summary.topics[0]!)[0]![1]).toBe(0);
    checkDayFile(path, summary);
  });

  test("gives any values and ranges back, in both orders", () => {
    using folder = temporaryFolder();
    const path = folder.path("any.parquet");
    const value = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
      fc.constantFrom<PointValue>(null, true, false, 0, 7.25, "INUSE"),
      fc.string({ unit: "binary" }),
      fc.jsonValue().map((json) => JSON.parse(JSON.stringify(json)) as PointValue),
    );
    const offsets = fc.uniqueArray(fc.nat(DAY - 1), { maxLength: 60 });
    const topic = fc.tuple(offsets, fc.array(value, { minLength: 1, maxLength: 60 }));
    const range = fc.tuple(fc.nat(DAY), fc.nat(DAY));
    fc.assert(
      fc.property(fc.array(topic, { maxLength: 4 }), range, (topics, [start, length]) => {
        const blocks = topics.map(([offsets, values], index): DayBlock => {
          const times = Float64Array.from(offsets, (offset) => MIDNIGHT + offset).sort();
          return {
            ...block(`t/${index}`, []),
            times,
            values: [...times].map((_, at) => values[at % values.length]!),
          };
        });
        const summary = writeDayFile(path, THE_DAY, blocks);
        checkDayFile(path, summary);
        using file = new DayFile(path);
        for (const found of summary.topics) {
          const all = fromColumns(blocks.find(({ topic }) => topic.name === found.topic.name)!);
          expect(rowsOf(file, found)).toStrictEqual(all);
          const [from, to] = [MIDNIGHT + start, MIDNIGHT + start + length];
          const part = all.filter(([time]) => time >= from && time < to);
          expect(rowsOf(file, found, { start: from, end: to })).toStrictEqual(part);
          const backwards = rowsOf(file, found, { start: from, end: to, order: "LAST_TO_FIRST" });
          expect(backwards).toStrictEqual(part.reverse());
        }
      }),
      { numRuns: 60 },
    );
  });

  test("a topic in many row groups comes group by group, in both orders, and those outside a range are not read", () => {
    using folder = temporaryFolder();
    const path = folder.path("fast.parquet");
    // A sample each half second, in blocks, between two slow topics.
    const values = (block: number) => Array.from({ length: 10_000 }, (_, row) => (block * 10_000 + row) / 8);
    function* blocks(): Generator<DayBlock> {
      yield block("a/slow", [1, null, "x"]);
      for (let part = 0; part < 17; part++) yield block("b/fast", values(part), 0.5, part * 10_000);
      yield block("c/slow", [true]);
    }
    const summary = writeDayFile(path, THE_DAY, blocks());
    checkDayFile(path, summary);
    using file = new DayFile(path);
    const [first, fast, last] = summary.topics;
    expect(fast).toMatchObject({ firstRow: 3, rows: 170_000, columns: 1 });
    const pieces = [...file.readRows(fast!, { order: "FIRST_TO_LAST" })];
    expect(pieces.map(({ times }) => times.length)).toEqual([59_997, 60_000, 50_003]);
    expect(pieces.flatMap(({ values }) => [...values])).toEqual(
      Array.from({ length: 170_000 }, (_, row) => row / 8),
    );
    const [newest] = file.readRows(fast!, { order: "LAST_TO_FIRST" });
    expect([...newest!.values.slice(0, 2)]).toEqual([169_999 / 8, 169_998 / 8]);
    const noon = MIDNIGHT + DAY / 2;
    expect(rowsOf(file, fast!, { start: noon, end: noon + 1_000_000 })).toEqual([
      [noon, 86_400 / 8],
      [noon + 500_000, 86_401 / 8],
    ]);
    expect([rowsOf(file, first!).length, rowsOf(file, last!)]).toEqual([3, [[MIDNIGHT, true]]]);
  }, 20_000);

  test("row groups end between topics, and before their texts fill the memory", () => {
    using folder = temporaryFolder();
    const path = folder.path("groups.parquet");
    const groupsOf = (blocks: Iterable<DayBlock>) => {
      checkDayFile(path, writeDayFile(path, THE_DAY, blocks));
      return parquetMetadata(readFileSync(path)).row_groups.map(({ num_rows }) => Number(num_rows));
    };
    const minutes = Array.from({ length: 1440 }, (_, row) => row % 7);
    expect(groupsOf(Array.from({ length: 40 }, (_, index) => block(`a/${index}`, minutes)))).toEqual([
      28 * 1440,
      12 * 1440,
    ]);
    const long = "x".repeat(1024 * 1024);
    expect(
      groupsOf([
        block(
          "a/long",
          Array.from({ length: 20 }, (_, row) => `${row}${long}`),
        ),
      ]),
    ).toEqual([16, 4]);
  });

  test("any program reads it: plain columns, true and false as 1 and 0 and as JSON", async () => {
    using folder = temporaryFolder();
    const path = folder.path("plain.parquet");
    writeDayFile(path, THE_DAY, [block("a/b", [1.5, true, "x", { a: 1 }, null, "\ud800"])]);
    const time = new Date(MIDNIGHT / 1000);
    const row = { topic: "a/b", value: null, text: null, json: null, units: "kW" };
    expect((await readParquet(path)).map((found) => ({ ...found, time }))).toEqual([
      { ...row, time, value: 1.5 },
      { ...row, time, value: 1, json: "true" },
      { ...row, time, text: "x" },
      { ...row, time, json: '{"a":1}' },
      { ...row, time },
      { ...row, time, json: '"\\ud800"' },
    ]);
  });

  test("samples of another day, in no order or of a topic again are refused, and leave no file", () => {
    using folder = temporaryFolder();
    const path = folder.path("wrong.parquet");
    const write = (...blocks: DayBlock[]) => writeDayFile(path, THE_DAY, blocks);
    expect(() => write(block("a/b", [1], 60, 1440))).toThrow(/another day/);
    expect(() => write(block("a/b", [1, 2]), block("a/b", [3]))).toThrow(/not after/);
    expect(() => write(block("a/b", [1]), block("a/c", [1]), block("a/b", [1], 60, 1))).toThrow(
      /must come once/,
    );
    expect(existsSync(path)).toBe(false);
    expect(write()).toMatchObject({ rows: 0, topics: [] });
    using file = new DayFile(path);
    expect(file.topics()).toEqual([]);
  });
});

describe("a file of a day that other programs wrote", () => {
  const values: PointValue[] = ["\ufeffa", "b", 1.5, null, true, [1]];
  const source = block("a/b", values);
  const columns = (): ColumnSource[] => [
    { name: "topic", data: values.map(() => "a/b") },
    { name: "time", data: [...source.times].map(BigInt) },
    { name: "value", data: [null, null, 1.5, null, 1, null] },
    { name: "text", data: ["\ufeffa", "b", null, null, null, null] },
    { name: "json", data: [null, null, null, null, "true", "[1]"] },
    { name: "units", data: values.map(() => "kW") },
  ];
  const range = { firstRow: 1, rows: 5, columns: 7 };
  const rows = values.map((value, row) => [source.times[row], value]);

  test.each([
    ["snappy", { codec: "SNAPPY" as const }],
    ["no compression", { codec: "UNCOMPRESSED" as const }],
    ["times as differences", { codec: "ZSTD" as const, time: "DELTA_BINARY_PACKED" as const }],
    ["several pages", { codec: "ZSTD" as const, pageSize: 16 }],
    ["a column of another encoding", { codec: "ZSTD" as const, value: "BYTE_STREAM_SPLIT" as const }],
  ])("%s: its rows are read", (_, { codec, ...how }) => {
    using folder = temporaryFolder();
    const path = folder.path("foreign.parquet");
    const writer = new ByteWriter();
    const schema = schemaOf(ROW_COLUMNS.map((column) => ({ ...column, required: false })));
    const parquet = new ParquetWriter({ writer, schema, codec, compressors: COMPRESSION.compressors });
    const columnData = columns().map((column) => ({
      ...column,
      encoding: (how as Record<string, ColumnSource["encoding"]>)[column.name],
    }));
    parquet.write({ columnData, pageSize: (how as { pageSize?: number }).pageSize });
    parquet.finish();
    writeFileSync(path, writer.getBytes());
    using file = new DayFile(path);
    expect([...file.readRows(range, { order: "FIRST_TO_LAST" })].map((piece) => piece.values)).toStrictEqual([
      values.slice(1),
    ]);
    const [piece] = file.readAll();
    expect(fromColumns(piece!)).toStrictEqual(rows);
    expect(faultOf(() => file.topics())).toBe("damaged");
  });

  test("other columns are refused", () => {
    using folder = temporaryFolder();
    const path = folder.path("other.parquet");
    const bytes = parquetWriteBuffer({ columnData: [{ name: "a", data: [1] }] });
    writeFileSync(path, new Uint8Array(bytes));
    expect(() => new DayFile(path)).toThrow(/not the columns topic, time/);
  });
});

describe("a bad file of a day", () => {
  const values = Array.from(
    { length: 300 },
    (_, row): PointValue => (row % 3 === 0 ? row / 8 : row % 3 === 1 ? `t${row % 5}` : { row }),
  );
  const blocks = [block("a/one", values), block("a/two", values.toReversed())];
  const write = (path: string) => writeDayFile(path, THE_DAY, blocks);
  /** What a reader gets from each topic: its rows, or an error. */
  const readAll = (path: string, summary: DayFileSummary) => {
    using file = new DayFile(path);
    return summary.topics.map((topic) => rowsOf(file, topic).map(([, value]) => value));
  };

  test("missing, empty, zeros, not Parquet, cut off anywhere: each has its fault", () => {
    using folder = temporaryFolder();
    const path = folder.path("whole.parquet");
    const summary = write(path);
    expect(faultOf(() => new DayFile(folder.path("none.parquet")))).toBe("missing");
    expect(faultOf(() => checkDayFile(folder.path("no/none.parquet"), summary))).toBe("missing");
    const bad = folder.path("bad.parquet");
    for (const content of ["", "PAR1", "no Parquet at all", new Uint8Array(summary.bytes)]) {
      writeFileSync(bad, content);
      expect(faultOf(() => new DayFile(bad))).toBe("damaged");
      expect(faultOf(() => checkDayFile(bad, summary))).toBe("damaged");
    }
    for (let length = summary.bytes - 1; length > 0; length -= 37) {
      copyFileSync(path, bad);
      truncateSync(bad, length);
      expect(faultOf(() => new DayFile(bad))).toBe("damaged");
    }
    rmSync(bad);
    expect(() => checkDayFile(path, { ...summary, digest: "0" })).toThrow(/samples are not those/);
    expect(() => new DayFile(folder.path("none.parquet"))).toThrow(/none\.parquet: .* Restore it/);
  });

  test("a changed byte anywhere is found by the check, and a reader gets an error or the same rows", () => {
    using folder = temporaryFolder();
    const path = folder.path("whole.parquet");
    const summary = write(path);
    const whole = readFileSync(path);
    const expected = readAll(path, summary);
    const footer = whole.length - 8 - whole.readUInt32LE(whole.length - 8);
    for (let at = 0; at < whole.length; at += 5) {
      const bytes = Buffer.from(whole);
      bytes[at]! ^= 1 << (at % 8);
      writeFileSync(path, bytes);
      if (at % 40 === 0) expect(faultOf(() => checkDayFile(path, summary))).toBe("damaged");
      // Before the footer: pages have checksums, and their headers must agree with them.
      if (at >= footer) continue;
      let rows: PointValue[][] | undefined;
      expect([undefined, "damaged"]).toContain(
        faultOf(() => {
          rows = readAll(path, summary);
        }),
      );
      if (rows) expect(rows).toStrictEqual(expected);
    }
  }, 30_000);

  test("a newer version is told apart and left alone", () => {
    using folder = temporaryFolder();
    const path = folder.path("newer.parquet");
    const writer = new ByteWriter();
    const schema = schemaOf([{ name: "something", type: "number" }]);
    const kvMetadata = [{ key: KEYS.format, value: "2" }];
    const parquet = new ParquetWriter({ writer, schema, kvMetadata });
    parquet.write({ columnData: [{ name: "something", data: [1] }] });
    parquet.finish();
    writeFileSync(path, writer.getBytes());
    expect(faultOf(() => new DayFile(path))).toBe("newer");
    expect(() => new DayFile(path)).toThrow(/format 2, this version reads 1\). Run that version/);
  });
});

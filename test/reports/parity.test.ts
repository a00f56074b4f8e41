import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseIsoDate } from "../../src/reports/field.ts";
import { econnectFleet, fleetReport, sheetsOf, workbook } from "../../src/reports/index.ts";
import { Zone } from "../../src/time/zone.ts";
import { type ReadCell, readWorkbook } from "./read-workbook.ts";

const UTC = new Zone("UTC");
const NOW = new Date("2026-11-21T08:00:00Z");
const period = { from: new Date("2026-10-22T08:00:00Z"), to: NOW, zone: UTC };

interface Case {
  readonly columns: readonly string[];
  readonly stations: readonly Record<string, unknown>[];
  readonly sheets: Readonly<Record<string, readonly (readonly ReadCell[])[]>>;
}

const made: Case = JSON.parse(readFileSync(new URL("cases/pandas.json", import.meta.url), "utf8"));

async function* each<T>(all: Iterable<T>): AsyncGenerator<T> {
  yield* all;
}

async function parityBook(stations: Case["stations"]) {
  const data = await econnectFleet(each(stations), { period, parts: new Set(), now: NOW });
  const report = fleetReport(data, {
    source: "test",
    columns: made.columns,
    period,
    now: NOW,
    parity: true,
    unseenDays: 7,
  });
  return readWorkbook(await workbook(sheetsOf(report), { zone: UTC }));
}

describe("parity with pandas", () => {
  test("the workbook has the sheets and cells that pandas writes for the same stations", async () => {
    const book = await parityBook(made.stations);
    expect(book.map(({ name }) => name)).toEqual(Object.keys(made.sheets));
    for (const { name, rows } of book) {
      const cells = rows.map((row) =>
        row.map((cell) => (cell instanceof Date ? cell.toISOString().replace(/(\.0+)?Z$/, "") : cell)),
      );
      const expected = made.sheets[name]!.map((row) =>
        row.map((cell) =>
          typeof cell === "string" ? cell.replace(/(\.\d{3})000$/, "$1").replace(/_x005F_/g, "_") : cell,
        ),
      );
      expect(cells, name).toEqual(expected);
    }
  });

  test.each([
    ["2020-01-02", "2020-01-02T00:00:00.000Z"],
    ["2020-01", "2020-01-01T00:00:00.000Z"],
    ["2020", "2020-01-01T00:00:00.000Z"],
    ["20200102", "2020-01-02T00:00:00.000Z"],
    ["2020-1-2", "2020-01-02T00:00:00.000Z"],
    ["2020/01/02", "2020-01-02T00:00:00.000Z"],
    ["2020 01 02", "2020-01-02T00:00:00.000Z"],
    ["2020-01-02T03:04", "2020-01-02T03:04:00.000Z"],
    ["2020-01-02T03", "2020-01-02T03:00:00.000Z"],
    ["2020-01-02T0304", "2020-01-02T03:04:00.000Z"],
    ["20200102T030405", "2020-01-02T03:04:05.000Z"],
    ["2020-01-02T03:04:05.123456789Z", "2020-01-02T03:04:05.123Z"],
    ["2020-01-02 03:04:05+02:00", "2020-01-02T01:04:05.000Z"],
    ["2020-01-02T03:04:05+0230", "2020-01-02T00:34:05.000Z"],
    ["2020-01-02T03:04:05-02", "2020-01-02T05:04:05.000Z"],
    ["2020-01-02T03:04:05 Z", "2020-01-02T03:04:05.000Z"],
    ["9999-12-31", "9999-12-31T00:00:00.000Z"],
    ["0001-01-01", "0001-01-01T00:00:00.000Z"],
  ])("%s is a date, as for pandas", (text, expected) => {
    expect(parseIsoDate(text)?.toISOString()).toBe(expected);
  });

  test.each([
    ...["202001", "01.02.2020", "", " 2020-01-02 ", "2020-02-30", "2020-W01-1", "2020-001", "2020-13-01"],
    ...["2020-01-02T24:00:00", "2020-01-02T03:04:60", "2020-01-02T03:04:05,5", "2020-01-02t03:04:05z"],
    ...["NaT", "nan", "2020-01-02T", "2020-01-02Z", null, 1577836800000, true, undefined],
  ])("%s is no date, as for pandas", (value) => {
    expect(parseIsoDate(value)).toBeUndefined();
  });

  test("times of different zones, at which pandas ends, are one moment each", async () => {
    const stations = ["2020-01-02T03:00:00+02:00", "2020-01-02T01:00:00Z"].map((installDate) => ({
      modelInfo: "A",
      installDate,
      state: "operational",
    }));
    const book = await parityBook(stations);
    expect(book.find(({ name }) => name === "installDate_count")!.rows[1]).toEqual([
      new Date("2020-01-02T01:00:00Z"),
      2,
    ]);
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  csv,
  econnectFleet,
  fileNames,
  fleetReport,
  json,
  page,
  type ReportOptions,
  reportMail,
  sheetsOf,
  workbook,
} from "../../src/reports/index.ts";
import { SheetNames } from "../../src/reports/output/workbook.ts";
import { Zone } from "../../src/time/zone.ts";
import { readWorkbook } from "./read-workbook.ts";

const UTC = new Zone("UTC");
const NOW = new Date("2026-11-21T08:00:00Z");
const options: ReportOptions = {
  source: "<script>alert('source')</script>",
  columns: ["modelInfo", "installDate", "type", "state"],
  period: { from: new Date("2026-10-22T08:00:00Z"), to: NOW, zone: UTC },
  now: NOW,
  parity: false,
  unseenDays: 7,
};

async function* each<T>(all: Iterable<T>): AsyncGenerator<T> {
  yield* all;
}

async function reportOf(stations: readonly Record<string, unknown>[], more: Partial<ReportOptions> = {}) {
  const data = await econnectFleet(each(stations), { period: options.period, parts: new Set(), now: NOW });
  return fleetReport(data, { ...options, ...more });
}

/** What is no text to be shown. */
const UNFIT = /(?![\t\n])\p{Cc}|\u202e/gu;

/** As a workbook has it: two things that its writer cannot take are a little different there. */
function inWorkbook(text: string): string {
  return text in {} ? `${text} ` : text.replaceAll("\ufffd", "\u25a1");
}

const HOSTILE = [
  "=1+1",
  "+49 231 100",
  "-2+3",
  "@SUM(A1)",
  '=HYPERLINK("http://example.com","x")',
  "\t=1",
  "＝1+1",
  "</td><script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "a\u0000b\u0007c\u001b[31m",
  "\ud800 alone",
  "\u202Egnp.exe",
  "constructor",
  "__proto__",
  "toString",
  "_x0041_",
  " spaces ",
  "line\r\nbreak",
  'Zoë 🚗 “quoted”, "so"',
  "00123",
];

describe("hostile values", () => {
  test("a workbook holds them as the texts that they are, and no formula", async () => {
    const report = await reportOf(HOSTILE.map((modelInfo, id) => ({ id, modelInfo, state: modelInfo })));
    const [values] = readWorkbook(await workbook(sheetsOf(report), { zone: UTC }));
    const cells = values!.rows.slice(1).map((row) => row[2]);
    const shown = HOSTILE.map((text) =>
      inWorkbook(text.replace("\r\n", "\n").toWellFormed().replace(UNFIT, "\ufffd")),
    );
    expect(cells).toEqual(shown);
    // Text cells by their format too, so that editing one makes no formula of it.
    expect(values!.formats.slice(1, 8).map((row) => row[2])).toEqual(Array(7).fill("@"));
  });

  test("G10: CSV text that looks like a formula begins with a quote; numbers do not", async () => {
    const report = await reportOf([
      ...HOSTILE.slice(0, 7).map((modelInfo) => ({ modelInfo })),
      { modelInfo: -5, type: 'a,"b"\nc' },
    ]);
    const text = [...csv(sheetsOf(report)[0]!)].join("");
    for (const value of HOSTILE.slice(0, 7)) expect(text).toContain(`'${value}`.replaceAll('"', '""'));
    expect(text).toContain(',-5,,"a,""b""\nc",\r\n');
    expect(text).not.toMatch(/(^|,)"?[=+@]/m);
  });

  test("a page shows them as text: no element, no attribute and no address is made of them", async () => {
    const report = await reportOf(
      HOSTILE.map((text, id) => ({ id, name: text, modelInfo: text, type: text, state: text })),
    );
    const text = page(report, sheetsOf(report));
    expect(text).not.toMatch(/<(script|img)/i);
    // As names of attributes, outside of their values.
    expect(
      text
        .match(/<[a-z][^>]*>/g)!
        .join("")
        .replace(/"[^"]*"/g, '""'),
    ).not.toMatch(/onerror|javascript:/i);
    expect(text).not.toMatch(UNFIT);
    expect(text).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
    expect(text).toContain("default-src 'none'");
    expect(text.replace(/"[^"]*"/g, '""')).not.toMatch(/<[^>]*\s(?:src|href)=/);
    expect(text).not.toMatch(/url\(|@import/);
  });

  test("a mail shows them as text, each in its line", async () => {
    const some = HOSTILE.filter((text) => /[<"\r\n]/.test(text));
    const report = await reportOf(some.map((text, id) => ({ id, name: text, modelInfo: "A", state: text })));
    const mail = reportMail(report, "line\r\nBcc: nobody@example.com");
    expect(mail.html).not.toMatch(/<(script|img)/i);
    expect(`${mail.html}${mail.text}`).not.toMatch(UNFIT);
    expect(mail.html).toContain("&lt;script&gt;");
    expect(mail.text).toMatch(/^ {2}line break: Stations 1; Share 20%$/m);
    expect(mail.subject).not.toMatch(/[\r\n]/);
  });

  test("JSON is read back, whatever the columns are called", async () => {
    const columns = ["__proto__", "modelInfo", "constructor"];
    const report = await reportOf([JSON.parse('{"__proto__":"x","modelInfo":"y"}')], { columns });
    const { sheets } = JSON.parse(json(report, sheetsOf(report)));
    expect(sheets[0]).toEqual({
      name: "values",
      columns: ["station", "name", ...columns],
      rows: [[null, null, "x", "y", null]],
    });
  });

  test("sheets get names that Excel takes, each once", async () => {
    const names = new SheetNames();
    const taken = [
      "a/b",
      "a:b",
      "x".repeat(50),
      "x".repeat(50),
      "'q'",
      "",
      "History",
      "VALUES",
      "values",
      `${"x".repeat(30)}🚗`,
    ].map((name) => names.take(name));
    for (const name of taken) {
      expect(name).toMatch(/^[^[\]:*?/\\]{1,31}$/);
      expect(name).not.toMatch(/^'|'$/);
      expect(name.isWellFormed()).toBe(true);
    }
    expect(new Set(taken.map((name) => name.toLowerCase())).size).toBe(taken.length);
    const column = "a very long name of a column [with] brackets / and more";
    const report = await reportOf([{ [column]: 1 }], { columns: [column, `${column} 2`] });
    const book = readWorkbook(await workbook(sheetsOf(report), { zone: UTC }));
    expect(new Set(book.map(({ name }) => name)).size).toBe(4);
    const files = fileNames(sheetsOf(report), "csv");
    expect(new Set(files).size).toBe(4);
    expect(files.join("")).not.toMatch(/[/\\[\]]/);
  });

  test("more rows than a sheet takes go on in a further one, with its header", async () => {
    const report = await reportOf(Array.from({ length: 25 }, (_, id) => ({ id, modelInfo: "A" })));
    const book = readWorkbook(await workbook(sheetsOf(report), { mostRows: 11, zone: UTC }));
    const parts = book.filter(({ name }) => name.startsWith("Stations"));
    expect(parts.map(({ name, rows }) => [name, rows.length])).toEqual([
      ["Stations", 11],
      ["Stations 2", 11],
      ["Stations 3", 6],
    ]);
    expect(parts.flatMap(({ rows }) => rows.slice(1).map((row) => Number(row[0])))).toEqual([
      ...Array(25).keys(),
    ]);
  });

  test("text longer than a cell is cut, times before Excel's are text, what is no number stays out", async () => {
    const report = await reportOf([
      {
        modelInfo: `${"🚗".repeat(20_000)}`,
        installDate: "1850-05-01",
        type: Number.NaN,
        state: Number.POSITIVE_INFINITY,
      },
    ]);
    const [values] = readWorkbook(await workbook(sheetsOf(report), { zone: UTC }));
    const [, row] = values!.rows;
    expect((row![2] as string).length).toBeLessThanOrEqual(32_767);
    expect((row![2] as string).isWellFormed()).toBe(true);
    expect(row!.slice(3)).toEqual(["1850-05-01T00:00:00.000Z", "null", "null"]);
  });

  test("any texts come back from a workbook as they went in", async () => {
    const texts = fc.array(fc.string({ unit: "binary", maxLength: 20 }), {
      minLength: 1,
      maxLength: 100,
      size: "max",
    });
    await fc.assert(
      fc.asyncProperty(texts, async (all) => {
        const report = await reportOf(all.map((modelInfo) => ({ modelInfo })));
        const [sheet] = sheetsOf(report);
        const [read] = readWorkbook(await workbook([sheet!], { zone: UTC }));
        expect(read!.rows.slice(1).map((row) => row[2] ?? null)).toEqual(
          sheet!.rows.map(([, , text]) =>
            typeof text === "string" && text !== "" ? inWorkbook(text) : null,
          ),
        );
        page(report, [sheet!]);
      }),
      { numRuns: 8 },
    );
  });
});

describe("the workbook", () => {
  test("has a bold and frozen header, widths, dates as dates, numbers as numbers", async () => {
    const report = await reportOf([
      { id: 1, modelInfo: "A", installDate: "2020-01-02", type: 7, state: true },
      { id: 2, modelInfo: "A", installDate: "not yet", type: 7.5, state: null },
    ]);
    const book = readWorkbook(await workbook(sheetsOf(report), { zone: UTC }));
    const [values, models] = book;
    expect(book.every(({ frozenRows, boldHeader }) => frozenRows === 1 && boldHeader)).toBe(true);
    expect(values!.rows).toEqual([
      ["Station ID", "Station", "Model", "Install date", "Type", "State"],
      ["1", null, "A", new Date("2020-01-02"), 7, true],
      ["2", null, "A", "not yet", 7.5, null],
    ]);
    expect(values!.formats[1]![3]).toBe("yyyy-mm-dd");
    expect(values!.widths).toHaveLength(6);
    expect(models!.rows).toEqual([
      ["Model", "Stations", "Share"],
      ["A", 2, 1],
    ]);
    expect(models!.formats[1]![2]).toBe("0.0%");
  });
});

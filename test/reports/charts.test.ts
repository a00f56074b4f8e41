import { dirname, join } from "node:path";
import { XMLParser } from "fast-xml-parser";
import { beforeAll, describe, expect, test } from "vitest";
import { fleetReport, sheetsOf, summaryOf, workbook } from "../../src/reports/index.ts";
import { malformed, xmllintInstalled } from "../helpers/xmllint.ts";
import { BERLIN, PERIOD, smallFleet, smallReport } from "./fleet.ts";
import { type ReadCell, type ReadSheet, readWorkbook, unzip } from "./read-workbook.ts";

// biome-ignore lint/suspicious/noExplicitAny: XML of any shape
type Xml = any;

const parser = new XMLParser({
  ...{ ignoreAttributes: false, attributeNamePrefix: "@", parseTagValue: false, trimValues: false },
  isArray: (name) =>
    name === "c:pt" || name === "Relationship" || name === "Override" || name === "xdr:twoCellAnchor",
});

describe("charts of the workbook", () => {
  let entries: Map<string, Buffer>;
  let book: ReadSheet[];
  let charts: Xml[];
  const text = (name: string) => entries.get(name)!.toString("utf8");

  beforeAll(async () => {
    const { report, sheets } = smallReport();
    const file = await workbook(sheets, { zone: BERLIN, summary: summaryOf(report) });
    entries = unzip(file);
    book = readWorkbook(file);
    charts = [...entries.keys()]
      .filter((name) => name.startsWith("xl/charts/"))
      .map((name) => parser.parse(text(name))["c:chartSpace"]["c:chart"]);
  });

  const titleOf = (chart: Xml) => chart["c:title"]["c:tx"]["c:rich"]["a:p"]["a:r"]["a:t"];
  const seriesOf = (chart: Xml) => chart["c:plotArea"]["c:barChart"]["c:ser"];

  test("there are those that a manager looks for", () => {
    expect(charts.map(titleOf)).toEqual([
      "Energy per day (kWh)",
      "Sessions per day",
      "Sessions by hour of the day",
      "Stations by state",
      "Stations with the most energy (kWh)",
      "Their share of time in use",
      "Most frequent alarms",
    ]);
  });

  test.skipIf(!xmllintInstalled)("every part is well-formed", async () => {
    const parts = Object.fromEntries([...entries].map(([name, content]) => [name, content.toString("utf8")]));
    expect(await malformed(parts)).toEqual([]);
  });

  test("every relationship leads to a part, and every part has a content type", () => {
    const types = parser.parse(text("[Content_Types].xml")).Types;
    const overrides = new Set(types.Override.map((one: Xml) => one["@PartName"]));
    for (const name of entries.keys()) {
      if (/^xl\/(charts|drawings|worksheets)\/[^/]+$/.test(name)) expect(overrides).toContain(`/${name}`);
      if (!name.endsWith(".rels")) continue;
      const folder = join(dirname(name), "..");
      for (const { "@Target": target } of parser.parse(text(name)).Relationships?.Relationship ?? [])
        expect(entries.has(join(folder, target).replace(/^\//, "")), `${name}: ${target}`).toBe(true);
    }
    for (const part of overrides) expect(entries.has(String(part).slice(1)), String(part)).toBe(true);
  });

  test("each chart is drawn on the first sheet, and none over another", () => {
    const [drawing] = [...entries.keys()].filter((name) => /^xl\/drawings\/[^/]+$/.test(name));
    const anchors = parser.parse(text(drawing!))["xdr:wsDr"]["xdr:twoCellAnchor"];
    const ids = parser
      .parse(text("xl/drawings/_rels/drawing1.xml.rels"))
      .Relationships.Relationship.map((one: Xml) => one["@Id"]);
    const used = anchors.map(
      (one: Xml) => one["xdr:graphicFrame"]["a:graphic"]["a:graphicData"]["c:chart"]["@r:id"],
    );
    expect(used).toEqual(ids);
    const taken = new Set<string>();
    for (const { "xdr:from": from, "xdr:to": to } of anchors)
      for (let row = Number(from["xdr:row"]); row < Number(to["xdr:row"]); row++)
        for (let column = Number(from["xdr:col"]); column < Number(to["xdr:col"]); column++) {
          expect(taken).not.toContain(`${row} ${column}`);
          taken.add(`${row} ${column}`);
        }
    expect(text("xl/worksheets/sheet1.xml")).toContain("<drawing ");
  });

  test("the header of each table is repeated on every printed page", () => {
    const { definedNames, sheets } = parser.parse(text("xl/workbook.xml")).workbook;
    const titles = definedNames.definedName.map((one: Xml) => [Number(one["@localSheetId"]), one["#text"]]);
    expect(titles).toEqual(
      sheets.sheet.slice(1).map((sheet: Xml, at: number) => [at + 1, `'${sheet["@name"]}'!$1:$1`]),
    );
  });

  test("the values that a chart carries are those of the cells that it refers to", () => {
    for (const chart of charts) {
      const series = seriesOf(chart);
      const references = [series["c:tx"], series["c:cat"], series["c:val"]].map(
        (one: Xml) => one["c:numRef"] ?? one["c:strRef"],
      );
      for (const reference of references) {
        const cache = reference["c:numCache"] ?? reference["c:strCache"];
        const cells = cellsAt(reference["c:f"]);
        expect(Number(cache["c:ptCount"]["@val"])).toBe(cells.length);
        const shown = cache["c:pt"].map((point: Xml) => unescaped(point["c:v"]));
        expect(shown, `${titleOf(chart)}: ${reference["c:f"]}`).toEqual(cells.map(cellText));
      }
    }
  });

  test("days are dates, with their sums", () => {
    const series = seriesOf(charts[0]);
    expect(charts[0]["c:plotArea"]["c:dateAx"]).toBeDefined();
    expect(series["c:val"]["c:numRef"]["c:numCache"]["c:pt"].map((one: Xml) => one["c:v"])).toEqual([
      "10",
      "27",
      "8.5",
    ]);
    expect(series["c:cat"]["c:numRef"]["c:f"]).toBe("'Energy per day'!$A$2:$A$4");
  });

  function cellsAt(address: string): ReadCell[] {
    const match = /^'(.*)'!\$([A-Z]+)\$(\d+)(?::\$[A-Z]+\$(\d+))?$/.exec(address)!;
    const [, sheet, letter, first, last = first] = match;
    const { rows } = book.find(({ name }) => name === sheet)!;
    const column = letter!.charCodeAt(0) - 65;
    return rows.slice(Number(first) - 1, Number(last)).map((row) => row[column]!);
  }
});

const cellText = (cell: ReadCell) =>
  cell instanceof Date ? String(cell.getTime() / 86_400_000 + 25_569) : String(cell);

const unescaped = (value: string) =>
  value.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

test("a fleet without sessions, alarms and stations has a summary, and no chart without data", async () => {
  const { usage: _, alarms: __, contacts: ___, revenue: ____, ...rest } = smallFleet();
  const report = fleetReport(
    { ...rest, stations: [] },
    { source: "test", columns: ["state"], period: PERIOD, now: PERIOD.to, parity: false, unseenDays: 7 },
  );
  const file = await workbook(sheetsOf(report), { zone: BERLIN, summary: summaryOf(report) });
  expect([...unzip(file).keys()].filter((name) => name.includes("chart"))).toEqual([]);
  expect(readWorkbook(file)[0]!.rows.flat()).toContain("Stations");
});

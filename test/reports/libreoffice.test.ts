import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { econnectFleet, fleetReport, sheetsOf, summaryOf, workbook } from "../../src/reports/index.ts";
import { Zone } from "../../src/time/zone.ts";

const hasLibreOffice = spawnSync("soffice", ["--version"], { stdio: "ignore" }).status === 0;
const UTC = new Zone("UTC");
const NOW = new Date("2026-11-21T08:00:00Z");
const period = { from: new Date("2026-10-22T08:00:00Z"), to: NOW, zone: UTC };
const TEXTS = [
  "=1+1",
  "@SUM(A1)",
  "constructor",
  "__proto__",
  "_x0041_",
  "a\u0001b",
  'Zoë 🚗, "so"',
  "00123",
];

/** Every sheet as CSV: separator, quote, UTF-8, from the first line, and -1 for one file a sheet. */
const EVERY_SHEET = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1";

describe.skipIf(!hasLibreOffice)("LibreOffice", () => {
  const folder = mkdtempSync(join(tmpdir(), "voltbridge-libreoffice-"));
  const convert = (to: string) =>
    execFileSync(
      "soffice",
      [
        ...["--headless", `-env:UserInstallation=file://${folder}/profile`],
        ...["--convert-to", to, "--outdir", folder, join(folder, "report.xlsx")],
      ],
      { encoding: "utf8", timeout: 110_000, stdio: ["ignore", "pipe", "pipe"] },
    );

  beforeAll(async () => {
    const stations = async function* () {
      for (const [id, text] of TEXTS.entries())
        yield { id, modelInfo: text, state: id % 2 ? "operational" : "planned", installDate: "2020-01-02" };
    };
    const data = await econnectFleet(stations(), { period, parts: new Set(), now: NOW });
    const columns = ["modelInfo", "installDate", "type", "state"];
    const report = fleetReport(data, {
      source: "t",
      columns,
      period,
      now: NOW,
      parity: false,
      unseenDays: 7,
    });
    writeFileSync(
      join(folder, "report.xlsx"),
      await workbook(sheetsOf(report), { zone: UTC, summary: summaryOf(report) }),
    );
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("opens the workbook, and shows its texts, dates and counts", { timeout: 120_000 }, () => {
    convert(EVERY_SHEET);
    const files = readdirSync(folder).filter((name) => name.endsWith(".csv"));
    expect(files).toHaveLength(7);
    const lines = (sheet: string) =>
      readFileSync(join(folder, `report-${sheet}.csv`), "utf8")
        .trimEnd()
        .split("\n");
    expect(lines("Stations").slice(1)).toEqual(
      TEXTS.map((text, id) => {
        const shown = text.replace("\u0001", "\u25a1").replace(/^(constructor|__proto__)$/, "$1 ");
        const quoted = /[",]/.test(shown) ? `"${shown.replaceAll('"', '""')}"` : shown;
        return `${id},,${quoted},2020-01-02,,${id % 2 ? "operational" : "planned"}`;
      }),
    );
    expect(lines("Models and states").at(-1)).toBe("Total,4,4,8");
    expect(lines("By state")[1]).toMatch(/^planned,4,50(\.0)?%$/);
  });

  test("makes a PDF of it", { timeout: 120_000 }, () => {
    convert("pdf");
    expect(readFileSync(join(folder, "report.pdf")).subarray(0, 5).toString()).toBe("%PDF-");
  });
});

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { page } from "../../src/reports/index.ts";
import { accessibilityFaults, chromiumInstalled, openPage } from "../helpers/browser.ts";
import { smallReport } from "./fleet.ts";

describe.skipIf(!chromiumInstalled)("the page of a report", () => {
  const folder = mkdtempSync(join(tmpdir(), "voltbridge-report-page-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "report.html");
  const { report, sheets } = smallReport();
  // Names as long as they come, one of them without a place to break.
  const long = sheets.map((sheet) => ({
    ...sheet,
    rows: sheet.rows.map((row) => row.map((cell) => (cell === "LOT / 1" ? "LOT/".repeat(30) : cell))),
  }));
  writeFileSync(
    file,
    page({ ...report, names: new Map([...report.names, ["s3", "LOT/".repeat(30)]]) }, long),
  );

  test.each([
    [360, "light"],
    [360, "dark"],
    [768, "light"],
    [1440, "dark"],
  ] as const)("fits a window of %i pixels, %s, and can be read by everyone", async (width, colorScheme) => {
    const { page: shown, troubles } = await openPage(pathToFileURL(file).href, {
      viewport: { width, height: 900 },
      colorScheme,
    });
    expect(await shown.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    expect(await accessibilityFaults(shown)).toEqual([]);
    const smallest = await shown.evaluate(
      "Math.min(...[...document.querySelectorAll('td, th, p, dd, dt, li span, text')].map((one) => parseFloat(getComputedStyle(one).fontSize)))",
    );
    expect(smallest).toBeGreaterThanOrEqual(12);
    expect(troubles).toEqual([]);
  });

  test("on a phone, a row of a table is a card with the name of each value", async () => {
    const { page: shown } = await openPage(pathToFileURL(file).href, {
      viewport: { width: 360, height: 900 },
    });
    const [display, label] = await shown.evaluate<[string, string]>(`(() => {
      const alarms = [...document.querySelectorAll("section")].find((one) => one.textContent.includes("Newest alarms"));
      const row = alarms.querySelector("tbody tr");
      return [getComputedStyle(row).display, getComputedStyle(row.cells[4], "::before").content];
    })()`);
    expect([display, label]).toEqual(["grid", '"Alarm"']);
  });
});

import { describe, expect, test } from "vitest";
import { csv, json, page, summaryOf, workbook } from "../../src/reports/index.ts";
import { everyDay } from "../../src/reports/usage.ts";
import { Zone } from "../../src/time/zone.ts";
import { BERLIN, PERIOD, smallReport } from "./fleet.ts";
import { readWorkbook } from "./read-workbook.ts";

describe("a report in a time zone", () => {
  const { report, sheets } = smallReport();
  const sheet = (name: string) => sheets.find((one) => one.name === name)!;

  test("days and hours are those of its clocks, also a day of 25 hours", () => {
    expect(report.days!.map(({ day, sessions, energyKwh }) => [day, sessions, energyKwh])).toEqual([
      ["2026-10-24", 1, 10],
      ["2026-10-25", 4, 27],
      ["2026-10-26", 1, 8.5],
    ]);
    const hours = report.hours!.filter(({ sessions }) => sessions > 0);
    expect(hours.map(({ hour, sessions, energyKwh }) => [hour, sessions, energyKwh])).toEqual([
      [0, 2, 28.5],
      [2, 2, 3],
      [23, 2, 14],
    ]);
    const perDay = sheet("Sessions by hour").rows.map((row) => row[4] as number);
    expect(perDay.reduce((sum, mean) => sum + mean, 0)).toBeCloseTo(2, 9);
    // Three days, the second of 25 hours.
    expect(report.utilisation!.map(({ periodSeconds }) => periodSeconds / 3600)).toEqual([73, 73, 73]);
    expect(summaryOf(report).figures.find(({ label }) => label === "Sessions")!.note).toBe("2 per day");
  });

  test("without a zone they are those of UTC", () => {
    const { report: utc } = smallReport({ ...PERIOD, zone: new Zone("UTC") });
    expect(utc.days!.map(({ day, energyKwh }) => [day, energyKwh])).toEqual([
      ["2026-10-23", 0],
      ["2026-10-24", 30],
      ["2026-10-25", 15.5],
      ["2026-10-26", 0],
    ]);
  });

  test.each([
    ["2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", ["2026-03-29"]],
    ["2026-03-28T22:59:59Z", "2026-03-29T22:00:01Z", ["2026-03-28", "2026-03-29", "2026-03-30"]],
    ["2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", ["2026-10-25"]],
  ])("from %s to %s are the days %j", (from, to, expected) => {
    const days = everyDay([], { from: new Date(from), to: new Date(to), zone: BERLIN });
    expect(days.map(({ day }) => day)).toEqual(expected);
  });

  test("the workbook shows what the clocks show, as dates; the zone is named", async () => {
    const book = readWorkbook(await workbook(sheets, { zone: BERLIN, summary: summaryOf(report) }));
    const rows = (name: string) => book.find((one) => one.name === name)!.rows;
    expect(rows("Alarms")[0]![0]).toBe("Time (Europe/Berlin)");
    expect(rows("Alarms")[1]![0]).toEqual(new Date("2026-10-25T02:30:00Z"));
    expect(rows("Not seen lately")[1]![3]).toEqual(new Date("2026-10-25T00:15:00Z"));
    // A date without a time of day is no instant.
    expect(rows("Stations")[1]![3]).toEqual(new Date("2020-01-02T00:00:00Z"));
    expect(
      rows("Energy per day")
        .slice(1)
        .map(([day, , energy]) => [day, energy]),
    ).toEqual([
      [new Date("2026-10-24"), 10],
      [new Date("2026-10-25"), 27],
      [new Date("2026-10-26"), 8.5],
    ]);
    const lines = rows("Summary")
      .slice(0, 4)
      .map(([line]) => line);
    expect(lines).toEqual([
      "Fleet report",
      "24 October 2026 to 26 October 2026",
      "test, made 2026-10-27 09:30",
      "Times are in Europe/Berlin.",
    ]);
  });

  test("the page shows them too", () => {
    const text = page(report, sheets);
    expect(text).toContain("Times are in Europe/Berlin.");
    expect(text).toContain("2026-10-25 02:30");
    expect(text).not.toContain("2026-10-25 00:30");
  });

  test("JSON and CSV keep their keys, and times in UTC; JSON names the zone of days", () => {
    const document = JSON.parse(json(report, sheets));
    expect(document).toMatchObject({ time_zone: "Europe/Berlin", from: "2026-10-23T22:00:00Z" });
    const alarms = document.sheets.find(({ name }: { name: string }) => name === "Alarms");
    expect(alarms.columns).toEqual(["time (UTC)", "station", "name", "port", "type"]);
    expect(alarms.rows[0][0]).toBe("2026-10-25T00:30:00Z");
    expect([...csv(sheet("Not seen lately"))]).toEqual([
      "station,name,reason,last seen (UTC),days ago\r\n",
      "s3,LOT / 1,unreachable,2026-10-24T22:15:00Z,2\r\n",
    ]);
    expect([...csv(sheet("Energy per day"))].slice(0, 2)).toEqual([
      "day,sessions,energy (kWh),charging (h)\r\n",
      "2026-10-24,1,10,1\r\n",
    ]);
  });
});

test("every sheet has its columns by their old names, in their old order", () => {
  const { sheets } = smallReport();
  const keys = Object.fromEntries(
    sheets.map(({ name, columns }) => [name, columns.map(({ title }) => title)]),
  );
  expect(keys).toEqual({
    values: ["station", "name", "modelInfo", "installDate", "type", "state"],
    modelInfo_count: ["modelInfo", "count", "share"],
    installDate_count: ["installDate", "count", "share"],
    type_count: ["type", "count", "share"],
    state_count: ["state", "count", "share"],
    "Status Pivot": ["modelInfo", "non-operational", "operational", "partly operational", "Total"],
    Utilisation: [
      ...["station", "name", "port", "sessions", "energy (kWh)"],
      ...["in use (h)", "charging (h)", "period (h)", "share of time"],
    ],
    "Energy per day": ["day", "sessions", "energy (kWh)", "charging (h)"],
    "Energy per month": ["month", "sessions", "energy (kWh)", "charging (h)"],
    "Alarms by type": ["type", "count", "stations", "latest (UTC)"],
    Alarms: ["time (UTC)", "station", "name", "port", "type"],
    "Not seen lately": ["station", "name", "reason", "last seen (UTC)", "days ago"],
    "Sessions by hour": ["hour", "sessions", "energy (kWh)", "charging (h)", "sessions per day"],
    Revenue: ["currency", "payments", "gross", "net"],
  });
});

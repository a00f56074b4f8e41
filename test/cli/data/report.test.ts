import { existsSync, readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type EconnectSimulator, startEconnectSimulator } from "../../../src/simulator/econnect/simulator.ts";
import { type Simulator, startSimulator } from "../../../src/simulator/index.ts";
import { readWorkbook } from "../../reports/read-workbook.ts";
import { cli } from "../in-process.ts";
import { Workplace } from "../workplace.ts";

let simulator: Simulator;
let econnect: EconnectSimulator;
let env: Record<string, string>;
const place = new Workplace();

beforeAll(async () => {
  simulator = await startSimulator({ stations: 12, historyHours: 30, password: "canary-cp" });
  econnect = await startEconnectSimulator({ stations: 120, password: "canary-ec" });
  env = {
    CHARGEPOINT_ENDPOINT: simulator.endpoint,
    CHARGEPOINT_USERNAME: simulator.username,
    CHARGEPOINT_PASSWORD: simulator.password,
    ECONNECT_ENDPOINT: econnect.endpoint,
    ECONNECT_USERNAME: econnect.username,
    ECONNECT_PASSWORD: econnect.password,
    ECONNECT_BUSINESS_PARTNER: econnect.businessPartner,
  };
});
afterAll(async () => {
  await simulator.close();
  await econnect.close();
  place.remove();
});

const fleet = (...args: string[]) => cli(["report", "fleet", ...args], env);

describe("voltbridge report fleet", () => {
  test("writes the workbook of a ChargePoint account, with the sheets that operators ask for", async () => {
    const file = place.at("report.xlsx");
    const { code, stdout, stderr } = await fleet("--out", file, "--from", "-2d");
    expect(stderr).toMatch(/^\d+ stations, 13 sheets\n$/);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${file}\n` });
    const book = readWorkbook(readFileSync(file));
    expect(book.map(({ name }) => name)).toEqual([
      "Summary",
      "Stations",
      "By model",
      "By install date",
      "By type",
      "By state",
      "Models and states",
      "Utilisation",
      "Energy per day",
      "Energy per month",
      "Alarms by type",
      "Alarms",
      "Not seen lately",
      "Sessions by hour",
    ]);
    expect(existsSync(`${file}.part`)).toBe(false);
  });

  test("with --parity, the sheets of the script and no others", async () => {
    const file = place.at("parity.xlsx");
    const { code, stderr } = await fleet("--out", file, "--source", "econnect", "--parity");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "120 stations, 6 sheets\n" });
    const book = readWorkbook(readFileSync(file));
    expect(book[0]!.rows[0]).toEqual([null, "modelInfo", "installDate", "type", "state"]);
    expect(book[0]!.rows).toHaveLength(121);
    expect(
      book[5]!.rows
        .slice(1)
        .flat()
        .every((cell) => cell !== null),
    ).toBe(true);
  });

  test("JSON and HTML are printed, CSV goes into a folder; a sheet that cannot be is told", async () => {
    const printed = await fleet(
      "--source",
      "econnect",
      "--format",
      "json",
      "--columns",
      "location.city,state,nothing",
    );
    expect(printed.code).toBe(0);
    expect(printed.stderr).toMatch(/left out: utilisation, energy, alarms, unseen: .*stations only\n/);
    expect(printed.stderr).toContain('no station has a field "nothing"');
    const { source, sheets } = JSON.parse(printed.stdout);
    expect(source).toBe(`eConnect, business partner ${econnect.businessPartner}`);
    expect(sheets[1].columns).toEqual(["location.city", "count", "share"]);
    const html = await fleet("--source", "econnect", "--format", "html");
    expect(html.stdout).toMatch(/^<!doctype html>/);
    const folder = place.at("tables");
    const csv = await fleet(
      "--source",
      "econnect",
      "--format",
      "csv",
      "--out",
      folder,
      "--without",
      "alarms,unseen",
    );
    expect(csv.stdout.split("\n").slice(0, -1).sort()).toEqual(
      readdirSync(folder)
        .map((name) => `${folder}/${name}`)
        .sort(),
    );
    expect(readFileSync(`${folder}/values.csv`, "utf8").split("\r\n")).toHaveLength(122);
    expect(`${html.stdout}${printed.stdout}`).not.toMatch(/canary/);
  });

  test("from the tables that sessions sync has filled", async () => {
    place.write("configs/bridge.json", {});
    const config = ["--config", place.at("configs/bridge.json"), "--data", place.at("data")];
    const none = await fleet("--source", "sql", "--format", "json", ...config);
    expect(none.code).toBe(1);
    expect(none.stderr).toMatch(/session/);
    const synced = await cli(
      ["sessions", "sync", "--from", "-2d", "--calls-per-minute", "0", ...config],
      env,
    );
    expect(synced.code, synced.stderr).toBe(0);
    const report = await fleet("--source", "sql", "--format", "json", "--from", "-2d", ...config);
    expect(report.code, report.stderr).toBe(0);
    const { sheets } = JSON.parse(report.stdout);
    const days: { rows: number[][] } = sheets.find(({ name }: { name: string }) => name === "Energy per day");
    const listed = await cli(
      ["sessions", "list", "--json", "--count", "100000", "--from", "-2d", ...config],
      env,
    );
    const sessions: { energy_kwh: number }[] = JSON.parse(listed.stdout);
    expect(days.rows.reduce((sum, row) => sum + row[1]!, 0)).toBe(sessions.length);
    const energy = sessions.reduce((sum, { energy_kwh }) => sum + energy_kwh, 0);
    expect(days.rows.reduce((sum, row) => sum + row[2]!, 0)).toBeCloseTo(energy, 6);
  });

  test("a form that cannot be written is refused before anything is read, and nothing is left behind", async () => {
    const { length } = simulator.calls;
    const file = place.at("r.pdf");
    const pdf = await fleet("--out", file);
    expect(pdf).toMatchObject({ code: 2, stdout: "" });
    expect(pdf.stderr).toMatch(
      /cannot write \S+r\.pdf: unknown extension \.pdf; .*\.xlsx, \.csv, \.json, \.html/,
    );
    expect((await fleet("--out", place.at("r.xlsx"), "--format", "json")).code).toBe(2);
    expect(simulator.calls.length).toBe(length);
    expect(existsSync(file)).toBe(false);
  });

  test("--from takes -1h, now -1h and now -1.5h", async () => {
    for (const from of ["-1h", "now -1h", "now -1.5h"]) {
      const { code, stderr } = await fleet("--format", "json", "--parity", "--from", from, "--to", "now");
      expect(code, `${from}: ${stderr}`).toBe(0);
    }
  });

  test("--tz is the zone of days, shown times and times without one; --last is the last whole period", async () => {
    const json = async (...args: string[]) => {
      const { code, stdout, stderr } = await fleet("--format", "json", "--without", "alarms,unseen", ...args);
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout);
    };
    const given = await json("--tz", "America/Los_Angeles", "--from", "2026-03-08", "--to", "2026-03-09");
    expect(given).toMatchObject({
      ...{ time_zone: "America/Los_Angeles" },
      // A day of 23 hours.
      ...{ from: "2026-03-08T08:00:00Z", to: "2026-03-09T07:00:00Z" },
    });
    const days = given.sheets.find(({ name }: { name: string }) => name === "Energy per day");
    expect(days.rows.map(([day]: string[]) => day)).toEqual(["2026-03-08"]);
    const week = await json("--tz", "Asia/Kolkata", "--last", "week");
    const local = [week.from, week.to].map((time) => new Date(Date.parse(time) + 5.5 * 3_600_000));
    expect(local.map((time) => [time.getUTCDay(), time.getTime() % 86_400_000])).toEqual([
      [1, 0],
      [1, 0],
    ]);
    expect(local[1]!.getTime() - local[0]!.getTime()).toBe(7 * 86_400_000);
    expect(Date.now() - Date.parse(week.to)).toBeLessThan(7 * 86_400_000);
    expect(Date.parse(week.to)).toBeLessThanOrEqual(Date.now());
  });

  test("an unknown zone is refused with a suggestion, and periods that contradict each other", async () => {
    const refused = await fleet("--format", "json", "--tz", "Europe/Berln");
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('unknown time zone "Europe/Berln"; did you mean "Europe/Berlin"?');
    const twice = await fleet("--format", "json", "--last", "week", "--from", "-1d");
    expect(twice).toMatchObject({ code: 2, stderr: expect.stringContaining("leave --from and --to out") });
    const parity = await fleet("--format", "json", "--parity", "--tz", "Europe/Berlin");
    expect(parity).toMatchObject({ code: 2, stderr: expect.stringContaining("leave --tz out") });
    const time = await fleet("--format", "json", "--from", "yesterday");
    expect(time).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--from yesterday: expected 2026-11-21T08"),
    });
  });

  test("what is wrong with the command is said before anything is read", async () => {
    const { length } = econnect.calls;
    const unnamed = await fleet("--source", "econnect");
    expect(unnamed.code).toBe(2);
    expect(unnamed.stderr).toContain("--out report.xlsx");
    expect(await fleet("--format", "csv")).toMatchObject({ code: 2 });
    const misspelt = await fleet("--format", "json", "--columns", "stationModl");
    expect(misspelt).toMatchObject({ code: 2 });
    expect(misspelt.stderr).toContain("did you mean stationModel?");
    expect((await fleet("--format", "json", "--without", "alarm")).code).toBe(2);
    expect((await fleet("--format", "json", "--from", "-1d", "--to", "-2d")).code).toBe(2);
    expect((await cli(["report", "fleet", "--format", "json"], {})).code).toBe(78);
    expect((await cli(["report", "fleet", "--source", "econnect", "--format", "json"], {})).code).toBe(78);
    expect(econnect.calls.length).toBe(length);
  });

  test("a service that refuses, and a place that cannot be written, end it with the reason", async () => {
    const refused = await cli(["report", "fleet", "--source", "econnect", "--format", "json"], {
      ...env,
      ECONNECT_PASSWORD: "wrong",
    });
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toMatch(/does not accept user/);
    const nowhere = await fleet("--source", "econnect", "--out", "/proc/report.xlsx");
    expect(nowhere.code).toBe(1);
    expect(nowhere.stderr).toMatch(/cannot write \/proc\/report.xlsx/);
  });
});

import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../../../src/simulator/index.ts";
import { freePort } from "../../helpers/mosquitto.ts";
import { Recorder } from "../../helpers/mqtt-recorder.ts";
import { readParquet } from "../../helpers/parquet.ts";
import { cli, RunningCli } from "../in-process.ts";
import { Workplace } from "../workplace.ts";

describe("sessions", () => {
  let simulator: Simulator;
  let place: Workplace;
  let env: Record<string, string>;

  beforeAll(async () => {
    simulator = await startSimulator({ stations: 6, historyHours: 24 });
    const { endpoint, username, password } = simulator;
    env = {
      CHARGEPOINT_ENDPOINT: endpoint,
      CHARGEPOINT_USERNAME: username,
      CHARGEPOINT_PASSWORD: password,
    };
    place = new Workplace({
      "configs/bridge.json": {
        instance: "one",
        mqtt: { embedded: { port: await freePort() } },
        historian: { backend: "none" },
        sessions: { enabled: true },
      },
      "configs/devices/site/s1.json": {
        driver_type: "chargepoint",
        driver_config: { stationID: simulator.stationIDs[0], endpoint, username, password },
        registry_config: "config://cp.csv",
      },
      "registry/cp.csv":
        "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes\nname,stationName,StationRegister,,string,,,FALSE,\n",
    });
  });
  afterAll(async () => {
    await simulator.close();
    place.remove();
  });

  const sessions = (...args: string[]) =>
    cli(["sessions", ...args, "--config", place.at("configs/bridge.json")], env);
  const known = () => simulator.world.catchUp().sessions.map(({ id }) => String(id));

  test("sync fetches and counts; a second one finds nothing new; the devices' account will do", async () => {
    const { code, stdout, stderr } = await sessions("sync", "--from", "-3d", "--intervals");
    expect(stderr).not.toMatch(/error|fault/i);
    expect(stdout).toMatch(/sessions +\d+ seen: (\d+) new, 0 updated, 0 unchanged, 0 refused/);
    expect(stdout).toMatch(/6 stations, \d+ payments/);
    expect(stdout).toMatch(/quarter hours of \d+ sessions/);
    expect(code).toBe(0);
    const again = await cli(
      ["sessions", "sync", "--from", "-3d", "--json", "--config", place.at("configs/bridge.json")],
      {},
    );
    const [report] = JSON.parse(again.stdout);
    expect(report.counts.unchanged + report.counts.updated + report.counts.added).toBe(report.counts.seen);
    expect(report.counts.unchanged).toBeGreaterThan(0);
    expect(again.stdout).not.toContain(simulator.password);
  });

  test("list prints them, for people and in JSON, by range and station", async () => {
    const { stdout } = await sessions("list", "--count", "5");
    expect(stdout).toMatch(/^session_id +station_id/);
    expect(stdout.trim().split("\n")).toHaveLength(7);
    const station = simulator.stationIDs[1]!;
    const rows = JSON.parse(
      (await sessions("list", "--station", station, "--json", "--count", "1000")).stdout,
    );
    expect(rows.length).toBeGreaterThan(0);
    expect(new Set(rows.map((row: { station_id: string }) => row.station_id))).toEqual(new Set([station]));
    expect((await sessions("list", "--from", "2100-01-01")).stderr).toContain("no sessions in this range");
  });

  test("export writes CSV, JSON lines and Parquet with the same rows", async () => {
    const csv = (await sessions("export")).stdout.trim().split("\r\n");
    const jsonl = (await sessions("export", "--format", "jsonl")).stdout.trim().split("\n");
    const file = place.at("sessions.parquet");
    const { code, stderr } = await sessions("export", "--format", "parquet", "--out", file);
    expect({ code, stderr }).toEqual({ code: 0, stderr: `${jsonl.length} rows\n` });
    const parquet = await readParquet(file);
    const lines = jsonl.map((line) => JSON.parse(line));
    expect(csv.length).toBe(lines.length + 1);
    expect(parquet.map((row) => String(row.session_id))).toEqual(lines.map((row) => row.session_id));
    expect(parquet.map((row) => row.energy_kwh ?? null)).toEqual(lines.map((row) => row.energy_kwh));
    expect(parquet.map((row) => (row.started_at as Date).toISOString().replace(".000", ""))).toEqual(
      lines.map((row) => row.started_at),
    );
    const out = place.at("payments.csv");
    await sessions("export", "--table", "payment", "--out", out);
    expect(readFileSync(out, "utf8")).toMatch(/^transaction_id,session_id,/);
  });

  test("export --out: its ending says the form; one that names none, or another one, is refused", async () => {
    const lines = place.at("s.jsonl");
    expect((await sessions("export", "--out", lines)).code).toBe(0);
    expect(JSON.parse(readFileSync(lines, "utf8").split("\n")[0]!)).toHaveProperty("session_id");
    const parquet = place.at("s.parquet");
    expect((await sessions("export", "--out", parquet)).code).toBe(0);
    expect(readFileSync(parquet).subarray(0, 4).toString()).toBe("PAR1");
    const file = place.at("s.xlsx");
    const workbook = await sessions("export", "--out", file);
    expect(workbook).toMatchObject({ code: 2, stdout: "" });
    expect(workbook.stderr).toMatch(
      /cannot write \S+s\.xlsx: unknown extension \.xlsx; .*\.csv, \.jsonl, \.parquet/,
    );
    expect((await sessions("export", "--out", place.at("s.csv"), "--format", "jsonl")).code).toBe(2);
    expect([file, place.at("s.csv")].map((one) => existsSync(one))).toEqual([false, false]);
  });

  test("--from takes -1h, now -1h and now -1.5h", async () => {
    for (const from of ["-1h", "now -1h", "now -1.5h"])
      expect((await sessions("list", "--from", from, "--to", "now")).code, from).toBe(0);
  });

  test("schema prints what makes the tables, for both databases", async () => {
    for (const [database, time] of [
      ["sqlite", "TEXT"],
      ["postgres", "timestamptz"],
    ]) {
      const { stdout } = await cli(["sessions", "schema", "--database", database!]);
      for (const table of ["station", "port", "pricing", "user", "session", "payment", "interval", "alarm"])
        expect(stdout).toContain(`CREATE TABLE "${table}"`);
      expect(stdout).toMatch(new RegExp(`started_at ${time} NOT NULL`));
      expect(stdout).toContain('FOREIGN KEY (station_id) REFERENCES "station"');
    }
  });

  test("says what is wrong with a time, a range, an account, a place without sessions", async () => {
    expect(await sessions("sync", "--from", "yesterday")).toMatchObject({ code: 2 });
    expect(await sessions("sync", "--from", "-1d", "--to", "-2d")).toMatchObject({ code: 2 });
    expect(await sessions("export", "--format", "parquet")).toMatchObject({ code: 2 });
    expect(await sessions("export", "--table", "user", "--station", "1:1")).toMatchObject({ code: 2 });
    const elsewhere = place.at("elsewhere");
    const empty = await sessions("list", "--data", elsewhere);
    expect(empty.code).toBe(1);
    expect(empty.stderr).toContain("voltbridge sessions sync");
    const nobody = await cli(["sessions", "sync", "--data", elsewhere], {});
    expect(nobody.code).toBe(78);
    const wrong = await cli(
      ["sessions", "sync", "--data", elsewhere, "--config", place.at("configs/bridge.json")],
      { ...env, CHARGEPOINT_PASSWORD: "wrong-password" },
    );
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toMatch(/does not accept the credentials/);
    expect(wrong.stderr).not.toContain("wrong-password");
  });

  test("a running bridge reads them, and publishes events and lifetime energy", async () => {
    const bridge = new RunningCli(["run", "--config", place.at("configs/bridge.json")]);
    await bridge.printed(/connected to/);
    const { port } = JSON.parse(readFileSync(place.at("configs/bridge.json"), "utf8")).mqtt.embedded;
    const portNumber = simulator.world.findStation(simulator.stationIDs[0]!)!.ports[0]!.number;
    const recorder = await Recorder.connect(`mqtt://127.0.0.1:${port}`);
    try {
      const energy = await recorder.find(
        `voltbridge/one/energy/${simulator.stationIDs[0]}/${portNumber}`,
        undefined,
        0,
        15_000,
      );
      expect(JSON.parse(energy.text).energyKwh).toBeGreaterThan(0);
      const listed = await sessions("list", "--count", "100000", "--json");
      expect(JSON.parse(listed.stdout).length).toBeLessThanOrEqual(known().length);
    } finally {
      await recorder.client.endAsync(true);
      const { stderr } = await bridge.stop();
      expect(stderr).not.toMatch(/warn|error/i);
    }
  });
});

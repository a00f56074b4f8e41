import { existsSync, readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openHistorian, type Sample } from "../../../src/historian/index.ts";
import { createLog } from "../../../src/log/log.ts";
import { readParquet } from "../../helpers/parquet.ts";
import { voltbridge } from "../../helpers/voltbridge.ts";
import { SETTINGS } from "../../historian/settings.ts";
import { cli } from "../in-process.ts";
import { Workplace } from "../workplace.ts";

const START = Date.UTC(2026, 10, 21, 8);
const MINUTE = 60_000;
const load = "campus/garage/s1/portLoad_1";

/** A minute apart, from 08:00 on. */
function samples(topic: string, values: Sample["value"][], units = "kW"): Sample[] {
  const type = typeof values[0] === "number" ? "float" : "string";
  return values.map((value, i) => ({
    topic,
    time: (START + i * MINUTE) * 1000,
    value,
    meta: { units, type, tz: "UTC" },
  }));
}

describe("history", () => {
  let place: Workplace;
  let data: string;

  beforeAll(async () => {
    place = new Workplace({ "configs/bridge.json": { data: "../data" } });
    data = place.at("data");
    const historian = await openHistorian(SETTINGS, data, { log: createLog({ level: "silent" }) });
    await historian.backend.open();
    await historian.backend.write([
      ...samples(load, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
      ...samples("campus/garage/s1/Status_1", ["INUSE", "AVAILABLE", null], ""),
      ...samples("campus/garage/s2/portLoad_1", [7.2]),
      ...samples("campus/garage/tenths", [0.1, 0.2, 0.3]),
      ...samples("campus/garage/digits", [123456.789012345, 1e-7, 0.30000000000000004, 9007199254740991]),
      ...samples("odd/x", ['say "hi", twice\nhere', "", { a: [1, true] }], "k,W"),
    ]);
    await historian.close();
  });
  afterAll(() => place.remove());

  const history = (...args: string[]) => cli(["history", ...args, "--data", data]);
  const rows = async (...args: string[]) => {
    const { code, stdout } = await history("query", load, ...args, "--json");
    expect(code).toBe(0);
    return (JSON.parse(stdout).values[load] as [string, unknown][]).map(([, value]) => value);
  };

  test("topics: a table of all, or of those that a pattern finds", async () => {
    const { code, stdout, stderr } = await history("topics");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.split("\n").slice(2, -1)).toEqual([
      expect.stringMatching(/^campus\/garage\/digits/),
      expect.stringMatching(/^campus\/garage\/s1\/Status_1 +string$/),
      expect.stringMatching(/^campus\/garage\/s1\/portLoad_1 +kW +float$/),
      expect.stringMatching(/^campus\/garage\/s2\/portLoad_1 +kW +float$/),
      expect.stringMatching(/^campus\/garage\/tenths/),
      expect.stringMatching(/^odd\/x +k,W +string$/),
    ]);
    const found = JSON.parse((await history("topics", "s[12]/PORTload", "--json")).stdout);
    expect(found).toEqual([
      { name: load, meta: { units: "kW", type: "float", tz: "UTC" } },
      { name: "campus/garage/s2/portLoad_1", meta: { units: "kW", type: "float", tz: "UTC" } },
    ]);
    expect(await history("topics", "nowhere")).toEqual({
      code: 0,
      stdout: "",
      stderr: "no topic matches nowhere\n",
    });
    expect(await history("topics", "nowhere", "--json")).toEqual({ code: 0, stdout: "[]\n", stderr: "" });
  });

  test("query: a table of each topic, with times, units and how many", async () => {
    const { code, stdout, stderr } = await history(
      "query",
      load,
      "CAMPUS/garage/S1/status_1",
      "--count",
      "2",
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toBe(`${load} (kW): 2 values
time                              value
────────────────────────────────  ─────
2026-11-21T08:00:00.000000+00:00      0
2026-11-21T08:01:00.000000+00:00      1

campus/garage/s1/Status_1: 2 values
time                              value
────────────────────────────────  ─────────
2026-11-21T08:00:00.000000+00:00  INUSE
2026-11-21T08:01:00.000000+00:00  AVAILABLE
`);
  });

  test("--start is in, --end is out; a time without a zone is UTC", async () => {
    expect(await rows("--start", "2026-11-21T08:02:00Z", "--end", "2026-11-21 08:05:00")).toEqual([2, 3, 4]);
    expect(await rows("--start", "2026-11-21T10:07:00+02:00")).toEqual([7, 8, 9]);
    expect(await rows("--start", "now +1d")).toEqual([]);
    expect(await rows("--end", "now -1000w")).toEqual([]);
  });

  test("--skip, --count and --order", async () => {
    expect(await rows("--skip", "2", "--count", "3")).toEqual([2, 3, 4]);
    expect(await rows("--order", "last_to_first", "--count", "2")).toEqual([9, 8]);
    expect(await rows("--count", "0")).toEqual([]);
  });

  test("--agg with --period", async () => {
    expect(await rows("--agg", "avg", "--period", "5m")).toEqual([2, 7]);
    expect(await rows("--agg", "COUNT", "--period", "1h")).toEqual([10]);
  });

  test("--tz, --window, --min-count, --together and --fill", async () => {
    const csv = async (...args: string[]) => {
      const { code, stdout, stderr } = await history("query", ...args, "--format", "csv");
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      return stdout.split("\r\n").slice(1, -1);
    };
    const daily = ["--agg", "COUNT", "--period", "1d", "--tz", "America/Los_Angeles"];
    expect(await csv(load, ...daily)).toEqual([`${load},2026-11-21T08:00:00.000000+00:00,10,kW`]);
    // Midnight there.
    expect(await rows("--tz", "America/Los_Angeles", "--start", "2026-11-21", "--count", "1")).toEqual([0]);
    expect(await rows("--tz", "Asia/Kolkata", "--start", "2026-11-21 13:38")).toEqual([8, 9]);
    const rolling = ["--agg", "SUM", "--period", "2m", "--window", "4m"];
    expect(await rows(...rolling)).toEqual([1, 6, 14, 22, 30]);
    expect(await rows(...rolling, "--min-count", "4")).toEqual([6, 14, 22, 30]);
    const site = ["--pattern", "portLoad_", "--agg", "AVG", "--period", "5m", "--together", "sum"];
    expect(await csv(...site)).toEqual([
      "sum of 2 topics,2026-11-21T08:00:00.000000+00:00,9.2,kW",
      "sum of 2 topics,2026-11-21T08:05:00.000000+00:00,7,kW",
    ]);
    const half = ["--start", "2026-11-21T08:02:30Z", "--count", "2"];
    expect(await rows(...half, "--fill", "previous")).toEqual([2, 3]);
    for (const [args, text] of [
      [["--tz", "Europe/Berln"], 'did you mean "Europe/Berlin"?'],
      [["--window", "1h"], "window: requires --agg and --period"],
      [["--min-count", "2"], "--min-count: requires --agg"],
      [["--fill", "next"], 'fill: must be previous; found "next"'],
    ] as const) {
      const { code, stderr } = await history("query", load, ...args);
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(text) });
    }
  });

  test("--pattern takes a regular expression", async () => {
    const { stdout } = await history("query", "--pattern", "s\\d/portload", "--count", "1", "--json");
    expect(Object.keys(JSON.parse(stdout).values)).toEqual([load, "campus/garage/s2/portLoad_1"]);
  });

  test("an unknown topic: 1, and the names that are near; it leaves no file", async () => {
    const file = place.at("unknown.csv");
    const { code, stdout, stderr } = await history("query", "campus/garage/s1/portLaod_1", "--out", file);
    expect(stderr).toBe(
      `voltbridge: the historian has no topic "campus/garage/s1/portLaod_1"; did you mean "${load}"?\n`,
    );
    expect({ code, stdout, there: existsSync(file) }).toEqual({ code: 1, stdout: "", there: false });
    // A point's name alone will do for a hint.
    expect((await history("query", "status_1")).stderr).toContain(
      'did you mean "campus/garage/s1/Status_1"?',
    );
    const far = await history("query", "nothing/like/it", "--json");
    expect(far).toMatchObject({ code: 1, stdout: "" });
    expect(far.stderr).toContain('"voltbridge history topics" lists all topics');
    expect((await history("query", "--pattern", "nowhere")).stderr).toBe(
      'voltbridge: no topic matches nowhere; "voltbridge history topics" lists all topics\n',
    );
  });

  test("of several topics the known ones are printed, and the unknown ones end it with 1", async () => {
    const { code, stdout, stderr } = await history("query", load, "x", "--count", "1", "--json");
    expect(Object.keys(JSON.parse(stdout).values)).toEqual([load]);
    expect(code).toBe(1);
    expect(stderr).toContain('no topic "x"');
  });

  test("times as long ago as -1h, now -1h and now -1.5h, wherever history takes one", async () => {
    for (const time of ["-1h", "now -1h", "now -1.5h", "-1.5h", "-90m"]) {
      expect(await rows("--start", time), time).toEqual([]);
      expect(await rows(`--start=${time}`), time).toEqual([]);
      expect((await history("gaps", "--start", time)).code, time).toBe(0);
      expect((await cli(["audit", "--start", time, "--data", data])).code, time).toBe(0);
    }
    expect(await rows("--end", "-1000w")).toEqual([]);
  });

  test("--out: its ending says the form; one that names none, or another one, is refused", async () => {
    const csv = place.at("values.csv");
    expect((await history("query", load, "--out", csv)).code).toBe(0);
    expect(readFileSync(csv, "utf8")).toMatch(/^topic,time,value,units\r\n/);
    const json = place.at("values.JSON");
    expect((await history("query", load, "--out", json)).code).toBe(0);
    expect(JSON.parse(readFileSync(json, "utf8")).values[load]).toHaveLength(10);
    const other = await history("query", load, "--out", place.at("values.xlsx"));
    expect(other).toMatchObject({ code: 2, stdout: "" });
    expect(other.stderr).toMatch(
      /cannot write \S+values\.xlsx: unknown extension \.xlsx; .*\.txt, \.csv, \.json, \.parquet/,
    );
    expect((await history("query", load, "--out", csv, "--format", "json")).code).toBe(2);
    expect(existsSync(place.at("values.xlsx"))).toBe(false);
    expect(readFileSync(csv, "utf8")).toMatch(/^topic,/);
  });

  test("sums and means have the digits that were measured, and none that binary fractions add", async () => {
    const tenths = ["campus/garage/tenths", "--period", "1h"];
    for (const [agg, value] of [
      ["SUM", 0.6],
      ["AVG", 0.2],
    ] as const) {
      const { stdout } = await history("query", ...tenths, "--agg", agg, "--format", "csv");
      expect(stdout.split("\r\n")[1]).toBe(
        `campus/garage/tenths,2026-11-21T08:00:00.000000+00:00,${value},kW`,
      );
    }
    const raw = await history("query", "campus/garage/digits", "--format", "csv");
    expect(raw.stdout.split("\r\n").map((line) => line.split(",")[2])).toEqual([
      ...["value", "123456.789012345", "1e-7", "0.30000000000000004", "9007199254740991", undefined],
    ]);
  });

  test("--format csv: numbers bare, text in quotes where it needs them, null as nothing", async () => {
    const { code, stdout } = await history("query", "campus/garage/s1/Status_1", "odd/x", "--format", "csv");
    expect(code).toBe(0);
    const [status, odd] = ["campus/garage/s1/Status_1", "odd/x"];
    expect(stdout.split("\r\n")).toEqual([
      "topic,time,value,units",
      `${status},2026-11-21T08:00:00.000000+00:00,INUSE,`,
      `${status},2026-11-21T08:01:00.000000+00:00,AVAILABLE,`,
      `${status},2026-11-21T08:02:00.000000+00:00,,`,
      `${odd},2026-11-21T08:00:00.000000+00:00,"say ""hi"", twice\nhere","k,W"`,
      `${odd},2026-11-21T08:01:00.000000+00:00,"",`.replace(/,$/, ',"k,W"'),
      `${odd},2026-11-21T08:02:00.000000+00:00,"{""a"":[1,true]}","k,W"`,
      "",
    ]);
  });

  test("--out: the file is there when all of it is; a bad question leaves none", async () => {
    const file = place.at("export.json");
    const done = await history("query", "--pattern", "s\\d", "--format", "json", "--out", file);
    expect(done).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(
      JSON.parse((await history("query", "--pattern", "s\\d", "--json")).stdout),
    );
    const bad = await history(
      "query",
      load,
      "--start",
      "noon",
      "--format",
      "csv",
      "--out",
      place.at("bad.csv"),
    );
    expect(bad.code).toBe(2);
    expect(readdirSync(place.at(".")).filter((name) => /bad|part/.test(name))).toEqual([]);
  });

  test("--format parquet: times with microseconds, numbers and texts in columns of their own", async () => {
    const file = place.at("all.parquet");
    expect((await history("query", "--pattern", "odd|s2|s1/portLoad", "--out", file)).code).toBe(0);
    const parquet = await readParquet(file);
    expect(parquet.map(({ value, text, json }) => json ?? text ?? value)).toEqual([
      ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 7.2],
      ...['say "hi", twice\nhere', "", '{"a":[1,true]}'],
    ]);
    expect(parquet[1]).toMatchObject({ topic: load, time: new Date(START + MINUTE), units: "kW" });
    expect(await history("query", load, "--format", "parquet")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--out"),
    });
  });

  test("B15: gaps: a table with the sum, or JSON", async () => {
    const range = ["--start", "2026-11-21T08:00Z", "--end", "2026-11-21T08:30Z"];
    const { code, stdout } = await history("gaps", "campus/garage/s1", ...range);
    expect(code).toBe(0);
    expect(stdout.split("\n").slice(2)).toEqual([
      expect.stringMatching(
        /^campus\/garage\/s1 {2}2026-11-21T08:10:00Z {2}2026-11-21T08:30:00Z +20 {2}unknown$/,
      ),
      "1 device: 20 scrapes missing",
      "",
    ]);
    const json = JSON.parse((await history("gaps", "CAMPUS/garage/s1", ...range, "--json")).stdout);
    expect(json).toMatchObject([
      { device: "campus/garage/s1", interval: 60, missing: 20, gaps: [{ missing: 20 }] },
    ]);
    expect((await history("gaps", "nowhere")).stderr).toBe("no values of these devices\n");
    expect((await history("gaps", "--start", "noon")).code).toBe(2);
  });

  test("B6: call answers as VOLTTRON's historian", async () => {
    const call = async (...args: string[]) => JSON.parse((await history("call", ...args)).stdout);
    expect(await call("get_topic_list")).toContain(load);
    expect(await call("get_topics_by_pattern", '{"topic_pattern": "s2/.*1$"}')).toEqual({
      "campus/garage/s2/portLoad_1": "campus/garage/s2/portLoad_1",
    });
    expect(await call("get_topics_metadata", `{"topics": ["${load.toUpperCase()}", "no/such"]}`)).toEqual({
      [load]: { units: "kW", type: "float", tz: "UTC" },
    });
    expect(await call("get_aggregate_topics")).toContainEqual([load, "avg", "1h", [load]]);
    expect(await call("get_version")).toMatch(/^\d+\.\d+\.\d+/);
    const query = { topic: load, start: "2026-11-21T08:03:00", end: null, count: 1, order: "FIRST_TO_LAST" };
    expect(await call("query", JSON.stringify(query))).toEqual({
      values: [["2026-11-21T08:03:00.000000+00:00", 3]],
      metadata: { units: "kW", type: "float", tz: "UTC" },
    });
    // A list of one is a query of one topic: sqlhistorian/historian.py counts the names, not their type.
    expect(await call("query", JSON.stringify({ ...query, topic: [load] }))).toEqual({
      values: [["2026-11-21T08:03:00.000000+00:00", 3]],
      metadata: { units: "kW", type: "float", tz: "UTC" },
    });
    expect(await call("query", JSON.stringify({ topic: [load], agg_type: "MAX", agg_period: "1h" }))).toEqual(
      {
        values: [["2026-11-21T08:00:00.000000+00:00", 9]],
        metadata: { units: "kW", type: "float", tz: "UTC" },
      },
    );
    expect(await call("query", JSON.stringify({ topic: [load, "no/such"], count: 1 }))).toEqual({
      values: { [load]: [["2026-11-21T08:00:00.000000+00:00", 0]] },
      metadata: {},
    });
    expect(await call("query", '{"topic": ["no/such"]}')).toEqual({});
    expect(await call("query", '{"topic": "no/such"}')).toEqual({});
    for (const args of [
      ["drop"],
      ["query", "[]"],
      ["query", "{}"],
      ["query", '{"topic": "a", "start": 5}'],
    ]) {
      const refused = await history("call", ...args);
      expect(refused).toMatchObject({ code: 2, stdout: "" });
      expect(refused.stderr).toMatch(/method|arguments|topic|start/);
    }
  });

  test("the data folder of the bridge config, in a process of its own", async () => {
    const args = ["history", "query", load, "--config", place.at("configs/bridge.json"), "--json"];
    const { code, stdout, stderr } = await voltbridge([...args, "--log-level", "debug"]);
    const { values, metadata } = JSON.parse(stdout);
    expect(values[load]).toHaveLength(10);
    expect(values[load][0]).toEqual(["2026-11-21T08:00:00.000000+00:00", 0]);
    expect(metadata[load]).toEqual({ units: "kW", type: "float", tz: "UTC" });
    expect(stderr).not.toContain("error");
    expect(code).toBe(0);
  });

  test.each<[args: string[], said: RegExp]>([
    [["--start", "yesterday"], /start: must be a time, found "yesterday"; expected 2026-/],
    [["--end", "2026-13-01"], /end: must be a time, found "2026-13-01"/],
    [["--start", "now", "--end", "now -1h"], /end: must not be before the start now, found now -1h/],
    [["--order", "backwards"], /must be FIRST_TO_LAST or LAST_TO_FIRST, found "backwards"/],
    [["--agg", "MEDIAN", "--period", "1h"], /must be one of AVG, .*; found "MEDIAN"/],
    [["--agg", "AVG"], /--period: is missing; --agg requires it/],
    [["--period", "1h"], /--agg: is missing; --period requires it/],
    [["--agg", "AVG", "--period", "1 moon"], /--period: must be a number from 1 .*; found "1 moon"/],
    [["--pattern", "(", "x"], /pattern/],
  ])("B6: query %j is a usage error that says what is expected", async (args, said) => {
    const { code, stdout, stderr } = await history("query", load, ...args);
    expect(stderr).toMatch(said);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });

  test("no history yet, and a disabled historian: 1, and what to do", async () => {
    const missing = await cli(["history", "topics", "--data", place.at("nowhere"), "--json"]);
    expect(missing).toMatchObject({ code: 1, stdout: "" });
    expect(missing.stderr).toMatch(/no history at .*nowhere.*start voltbridge run, which creates it/);

    const config = place.write("configs/off.json", { historian: { backend: "none" } });
    const off = await cli(["history", "topics", "--config", config]);
    expect(off).toMatchObject({ code: 1, stderr: expect.stringContaining("the historian is disabled") });
  });
});

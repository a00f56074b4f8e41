import { readFileSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { parquetWriteFile } from "hyparquet-writer";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { type Historian, openHistorian, type Sample, type TopicMeta } from "../../../src/historian/index.ts";
import { createLog } from "../../../src/log/log.ts";
import { filesOf } from "../../helpers/data-folder.ts";
import { SETTINGS } from "../../historian/settings.ts";
import { cli, RunningCli } from "../in-process.ts";
import { Workplace } from "../workplace.ts";

const NOON = Date.UTC(2026, 10, 21, 12) * 1000;
const SECOND = 1_000_000;
const log = createLog({ level: "silent" });

let place: Workplace;
beforeEach(() => {
  place = new Workplace({ "configs/bridge.json": { data: "../data" } });
});
afterEach(() => place.remove());

const history = (...args: string[]) => cli(["history", ...args, "--config", place.at("configs/bridge.json")]);

async function store(folder = "data"): Promise<Historian> {
  const historian = await openHistorian(SETTINGS, place.at(folder), { log });
  onTestFinished(() => historian.close());
  return historian;
}

async function fill(samples: readonly Sample[], folder?: string): Promise<void> {
  const { backend } = await store(folder);
  await backend.write(samples);
  await backend.close();
}

/** All values of a store by name, with its topics. */
async function contents(folder?: string) {
  const historian = await store(folder);
  const topics = await historian.topics(undefined, undefined, { own: true });
  const { values } = await historian.query({ topic: topics.map(({ name }) => name) });
  return { topics, values };
}

const sample = (
  topic: string,
  time: number,
  value: Sample["value"],
  type: TopicMeta["type"] = "float",
  units = "kW",
): Sample => ({ topic, time, value, meta: { units, type, tz: "America/Los_Angeles" } });

/** Every kind of value, with metadata that no value tells. */
const EVERY_KIND: readonly Sample[] = [
  ...[0, -1.5, 1e-7, 0.1 + 0.2, 9007199254740991, null].map((value, i) =>
    sample("a/b/number", NOON + i, value),
  ),
  ...[7, -3, 0].map((value, i) => sample("a/b/count", NOON + i * SECOND, value, "integer", "")),
  ...[true, false, null].map((value, i) => sample("a/b/flag", NOON + i, value, "boolean", "")),
  ...["NaN", "7", "true", "", "null", 'say "hi"\r\n, ⚡', '{"a":1}', "=1+1"].map((value, i) =>
    sample("A/b/Text", NOON + i, value, "string", ""),
  ),
  ...([{ a: [1, null, "x"] }, [], {}, [true]] as Sample["value"][]).map((value, i) =>
    sample("a/b/object", NOON + i, value, "dictionary", ""),
  ),
  ...[1, "one", true, { one: 1 }, null].map((value, i) => sample("a/b/mixed", NOON + i, value)),
  sample("_voltbridge/x/run", NOON, { version: "1" }, "dictionary", ""),
];

function volttronFile(name: string, { separate = false, prefix = "" } = {}): string {
  const file = place.at(name);
  const db = new DatabaseSync(file);
  const meta = '{"units": "kW", "type": "float", "tz": "US/Pacific"}';
  db.exec(`CREATE TABLE ${prefix}data (ts timestamp NOT NULL, topic_id INTEGER NOT NULL, value_string TEXT NOT NULL,
      UNIQUE(topic_id, ts));
    CREATE TABLE ${prefix}topics (topic_id INTEGER PRIMARY KEY, topic_name TEXT NOT NULL
      ${separate ? "" : ", metadata TEXT"}, UNIQUE(topic_name));
    CREATE TABLE avg_1h (ts timestamp NOT NULL, topic_id INTEGER NOT NULL, agg_value REAL NOT NULL, topics TEXT);
    INSERT INTO ${prefix}topics (topic_id, topic_name) VALUES (1, 'PNNL/Garage/Load'), (2, 'pnnl/garage/state');
    INSERT INTO ${prefix}data VALUES
      ('2016-06-05 22:47:02.417604+00:00', 1, '1.0'),
      ('2026-11-21T11:59:00.000001+00:00', 1, 'NaN'),
      ('2026-11-21T11:59:00.000000+00:00', 2, '"Charging"'),
      ('2026-11-21T11:59:10.000000+00:00', 2, 'null'),
      ('yesterday', 2, '"x"'), ('2026-11-21T11:59:20.000000+00:00', 9, '1')`);
  if (separate)
    db.exec(`CREATE TABLE ${prefix}meta (topic_id INTEGER PRIMARY KEY, metadata TEXT NOT NULL);
      INSERT INTO ${prefix}meta VALUES (1, '${meta}')`);
  else db.exec(`UPDATE ${prefix}topics SET metadata = '${meta}' WHERE topic_id = 1`);
  db.close();
  return file;
}

describe("export and import", () => {
  test("Parquet: every value of every kind comes back, with units, types and time zones", async () => {
    await fill(EVERY_KIND);
    const file = place.at("all.parquet");
    expect(await history("export", "--own", "--out", file)).toEqual({
      code: 0,
      stdout: `${file}: 30 values of 7 topics\n`,
      stderr: "",
    });
    const there = await cli(["history", "import", file, "--data", place.at("copy"), "--json"]);
    expect(JSON.parse(there.stdout)).toMatchObject([
      { kind: "parquet", topics: 7, values: 30, rejected: [], first: "2026-11-21T12:00:00.000000+00:00" },
    ]);
    expect(await contents("copy")).toEqual(await contents());
  });

  test("CSV: numbers, booleans, texts, null and objects; texts that look like numbers only with a column of types", async () => {
    const kept = EVERY_KIND.filter(({ topic }) => !/Text|mixed|voltbridge/.test(topic));
    await fill([
      ...kept,
      ...["INUSE", "", "=1+1", 'a "b",\nc'].map((value, i) => sample("a/b/text", NOON + i, value, "string")),
    ]);
    const file = place.at("all.csv");
    expect((await history("export", "a/b", "--out", file)).code).toBe(0);
    expect((await cli(["history", "import", file, "--data", place.at("copy")])).code).toBe(0);
    const [copy, original] = [await contents("copy"), await contents()];
    expect(copy.values).toEqual(original.values);
    expect(copy.topics.map(({ name, meta }) => [name, meta.units])).toEqual(
      original.topics.map(({ name, meta }) => [name, meta.units]),
    );
    const typed = place.write(
      "typed.csv",
      "topic,time,value,type\na/b/id,2026-11-21T12:00:00Z,0017,string\n",
    );
    expect((await cli(["history", "import", typed, "--data", place.at("copy")])).code).toBe(0);
    expect((await contents("copy")).values["a/b/id"]).toEqual([["2026-11-21T12:00:00.000000+00:00", "0017"]]);
  });

  test("export: a pattern and a range; one that finds nothing leaves no file", async () => {
    await fill(EVERY_KIND);
    const file = place.at("some.json");
    await history("export", "b/count$", "--start", "2026-11-21T12:00:01Z", "--out", file);
    expect(JSON.parse(readFileSync(file, "utf8")).values).toEqual({
      "a/b/count": [
        ["2026-11-21T12:00:01.000000+00:00", -3],
        ["2026-11-21T12:00:02.000000+00:00", 0],
      ],
    });
    expect(await history("export", "nowhere", "--out", place.at("x.csv"))).toMatchObject({
      code: 1,
      stderr: "voltbridge: no topic matches nowhere\n",
    });
    expect(await history("export", "--out", place.at("x.txt"))).toMatchObject({ code: 2 });
  });
});

describe("import", () => {
  test.each([
    ["metadata among the topics", {}],
    ["metadata in a table of its own, other names", { separate: true, prefix: "site_" }],
  ])("B11: a file of VOLTTRON's historian, %s", async (_, variant) => {
    const file = volttronFile("volttron.sqlite", variant);
    const { code, stdout, stderr } = await history("import", file, "--replace", "pnnl/=campus/");
    expect(stdout).toContain("4  2016-06-05T22:47:02Z  2026-11-21T11:59:10Z             0         2");
    expect(stdout).toContain(
      '1 row rejected: time must be ISO 8601, such as 2026-11-21T08:00:00Z; first at row 5: "yesterday"',
    );
    expect(stdout).toContain(
      '1 row rejected: the topic of the row is not in the file; first at row 6: "topic_id 9"',
    );
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("some rows were left out"),
    });
    expect(await contents()).toEqual({
      topics: [
        { name: "campus/Garage/Load", meta: { units: "kW", type: "float", tz: "US/Pacific" } },
        { name: "campus/garage/state", meta: { units: "", type: "string", tz: "UTC" } },
      ],
      values: {
        "campus/Garage/Load": [
          ["2016-06-05T22:47:02.417604+00:00", 1],
          ["2026-11-21T11:59:00.000001+00:00", "NaN"],
        ],
        "campus/garage/state": [
          ["2026-11-21T11:59:00.000000+00:00", "Charging"],
          ["2026-11-21T11:59:10.000000+00:00", null],
        ],
      },
    });
  });

  test("CSV of other programs: other names of columns, semicolons and decimal commas, a BOM; bad rows are named by their line", async () => {
    const file = place.write(
      "excel.csv",
      '\ufeffTS;Topic_Name;"Value";Unit\r\n2026-11-21 12:00:00;a/load;3,5;kW\r\n21.11.2026;a/load;4;kW\r\n' +
        '2026-11-21 12:01:00;a/note;"two\r\nlines";\r\n2026-11-21 12:02:00;a/load\r\n\r\n2026-11-21 12:03:00;;1;\r\n2026-11-21 12:04:00;a/load;4;kW\r\n',
    );
    const { code, stdout } = await history("import", file, "--json");
    expect(code).toBe(1);
    expect(JSON.parse(stdout)[0]).toMatchObject({
      ...{ kind: "csv", topics: 2, values: 3 },
      rejected: [
        { rows: 1, at: "line 3", found: "21.11.2026" },
        { reason: "the row has too few cells", rows: 1, at: "line 6" },
        { reason: "topic must not be empty", rows: 1, at: "line 8" },
      ],
    });
    expect((await contents()).values).toEqual({
      "a/load": [
        ["2026-11-21T12:00:00.000000+00:00", 3.5],
        ["2026-11-21T12:04:00.000000+00:00", 4],
      ],
      "a/note": [["2026-11-21T12:01:00.000000+00:00", "two\r\nlines"]],
    });
  });

  test("a quote that is never closed costs the rest of its file, and is named", async () => {
    const file = place.write(
      "quote.csv",
      'topic,time,value\na/p,2026-11-21T12:00:00Z,1\n"a/p,2026-11-21T12:00:00Z,1\na/p,2026-11-21T12:01:00Z,1\n',
    );
    const { stdout } = await history("import", file);
    expect(stdout).toContain("a quote is not closed; the rest of the file was not read");
    expect(Object.values((await contents()).values)).toEqual([[["2026-11-21T12:00:00.000000+00:00", 1]]]);
  });

  test("Parquet of before, without a column json: objects were texts", async () => {
    const file = place.at("before.parquet");
    const text = (name: string, data: (string | null)[]) => ({ name, data, type: "STRING" as const });
    parquetWriteFile({
      filename: file,
      columnData: [
        text("topic", ["a/p", "a/p", "a/q"]),
        { name: "time", data: [0, 1, 2].map((i) => new Date(NOON / 1000 + i)), type: "TIMESTAMP" },
        { name: "value", data: [1.5, null, null], type: "DOUBLE" },
        text("text", [null, '{"a":1}', "INUSE"]),
        text("units", ["kW", "kW", ""]),
      ],
    });
    expect((await history("import", file)).code).toBe(0);
    expect(Object.values((await contents()).values).map((rows) => rows.map(([, value]) => value))).toEqual([
      [1.5, { a: 1 }],
      ["INUSE"],
    ]);
  });

  test("into a store with topics: they keep their spelling and metadata; other units are refused, unless wanted", async () => {
    await fill([sample("Campus/Load", NOON, 1, "integer", "kW"), sample("campus/power", NOON, 1)]);
    const file = place.write(
      "more.csv",
      "topic,time,value,units\ncampus/load,2026-11-20,2.5,kW\ncampus/power,2026-11-20,2500,W\n",
    );
    const { code, stdout } = await history("import", file);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /1 row rejected: the units are W, but kW in the store; --ignore-units .* first at campus\/power/,
    );
    expect((await history("import", file, "--ignore-units")).code).toBe(0);
    const { topics, values } = await contents();
    expect(topics).toMatchObject([
      { name: "Campus/Load", meta: { units: "kW", type: "integer" } },
      { name: "campus/power", meta: { units: "kW", type: "float" } },
    ]);
    expect(values["campus/power"]).toEqual([
      ["2026-11-20T00:00:00.000000+00:00", 2500],
      ["2026-11-21T12:00:00.000000+00:00", 1],
    ]);
  });

  test("--pattern, --start and --end; --dry-run stores nothing, without a store too", async () => {
    await fill(EVERY_KIND, "other");
    const file = place.at("all.parquet");
    await cli(["history", "export", "--out", file, "--data", place.at("other")]);
    const some = [
      "import",
      file,
      "--pattern",
      "count",
      "--start",
      "2026-11-21T12:00:01Z",
      "--end",
      "2026-11-21T12:00:02Z",
    ];
    const dry = await history(...some, "--dry-run");
    expect(dry).toMatchObject({ code: 0, stderr: expect.stringContaining("there is no history") });
    expect(dry.stdout).toContain("nothing was stored (--dry-run)");
    expect((await history("topics")).code).toBe(1);
    expect(JSON.parse((await history(...some, "--json")).stdout)).toMatchObject([{ values: 1, outside: 2 }]);
    expect((await contents()).values).toEqual({ "a/b/count": [["2026-11-21T12:00:01.000000+00:00", -3]] });
  });

  test("the same file again: nothing to do, until it changes or --restart; beside a bridge that stores", async () => {
    const bridge = await store();
    await bridge.backend.write([sample("live/load", NOON, 1)]);
    const lines = ["topic,time,value", "a/p,2026-11-21T12:00:00Z,1"];
    const file = place.write("a.csv", lines.join("\n"));
    expect((await history("import", file, "--json")).stdout).toContain('"values":1');
    await bridge.backend.write([sample("live/load", NOON + 1, 2)]);
    const again = await history("import", file);
    expect(again.stdout).toContain(`${file}: was imported already; --restart imports it again`);
    const [checkpoint] = filesOf(place.at("data/imports"));
    const newer = readFileSync(checkpoint!, "utf8").replace('"format":1', '"format":2');
    writeFileSync(checkpoint!, newer);
    const refused = await history("import", file);
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("newer voltbridge (format 2; this version supports 1)"),
    });
    expect(readFileSync(checkpoint!, "utf8")).toBe(newer);
    expect((await history("import", file, "--restart", "--json")).stdout).toContain('"values":1');
    place.write("a.csv", [...lines, "a/p,2026-11-21T12:01:00Z,2"].join("\n"));
    expect((await history("import", file, "--json")).stdout).toContain('"values":2');
    expect(Object.keys((await contents()).values)).toEqual(["a/p", "live/load"]);
  });

  test("Ctrl-C ends it with what was stored; the same command goes on there", async () => {
    const file = volttronFile("long.sqlite");
    const db = new DatabaseSync(file);
    db.exec(`WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 90000)
      INSERT INTO data SELECT strftime('%Y-%m-%dT%H:%M:%S.000000+00:00', 1700000000 + i, 'unixepoch'), 1, i FROM n`);
    db.close();
    const args = ["history", "import", file, "--config", place.at("configs/bridge.json"), "--json"];
    const running = new RunningCli(args);
    await running.printed(/values .*19998/);
    const { code, stdout, stderr } = await running.stop();
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("interrupted; the same command goes on where it ended"),
    });
    const [first] = JSON.parse(stdout);
    expect(first).toMatchObject({ complete: false, resumedAt: 0 });
    expect(first.values).toBeLessThan(90_000);
    const [second] = JSON.parse((await cli(args)).stdout);
    expect(second).toMatchObject({ complete: true, resumedAt: first.values, topics: 1 });
    expect(first.values + second.values).toBe(90_004);
    const { backend } = await store();
    const rows = await backend.read({
      ...{ topic: "pnnl/garage/load", order: "FIRST_TO_LAST", skip: 0, limit: 100_000 },
    });
    expect(rows).toHaveLength(90_002);
  });

  test("what cannot be imported says why", async () => {
    await fill([sample("a/p", NOON, 1)]);
    const other = place.at("other.sqlite");
    new DatabaseSync(other).exec("CREATE TABLE cats (name)");
    for (const [file, said] of [
      [
        place.at("data/historian.sqlite"),
        /is a store of voltbridge; export it with "voltbridge history export/,
      ],
      [other, /is not a file of VOLTTRON's SQLite historian; its tables are cats/],
      [
        place.write("no.csv", "time,load\n1,2\n"),
        /no\.csv:1: the first line must name the columns; missing: topic or/,
      ],
      [place.write("no.parquet", "PAR1 and nothing else"), /no\.parquet: /],
    ] as const) {
      const { code, stderr } = await history("import", file);
      expect(stderr).toMatch(said);
      expect(code).toBe(1);
    }
    expect((await history("import", "nowhere.csv")).code).toBe(2);
    expect((await history("import", other, "--replace", "x")).code).toBe(2);
  });
});

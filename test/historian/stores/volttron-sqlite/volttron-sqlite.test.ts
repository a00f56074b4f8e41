import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { HistorianSettings } from "../../../../src/config/index.ts";
import { type Historian, openHistorian } from "../../../../src/historian/index.ts";
import { volttronHistorian } from "../../../../src/historian/query/volttron-api.ts";
import { SqliteBackend } from "../../../../src/historian/stores/sqlite/backend.ts";
import { tablesIn } from "../../../../src/historian/stores/volttron-sqlite/tables.ts";
import { createLog } from "../../../../src/log/log.ts";
import { historianContract, sample } from "../../../contracts/historian-contract.ts";
import { SETTINGS } from "../../settings.ts";

const NOON = Date.UTC(2026, 10, 21, 12) * 1000;
const log = createLog({ level: "silent" });

/** Tables as VOLTTRON's historian makes them: before version 4.0 (`separate`) and since (`merged`). */
type Variant = "separate" | "merged";
const VARIANTS: readonly Variant[] = ["separate", "merged"];

function makeFile(file: string, variant: Variant, prefix = ""): DatabaseSync {
  const db = new DatabaseSync(file);
  db.exec(`PRAGMA auto_vacuum = 1;
    CREATE TABLE ${prefix}data (ts timestamp NOT NULL, topic_id INTEGER NOT NULL, value_string TEXT NOT NULL,
      UNIQUE(${variant === "merged" ? "topic_id, ts" : "ts, topic_id"}));
    CREATE INDEX data_idx ON ${prefix}data (ts ASC);
    CREATE TABLE ${prefix}topics (topic_id INTEGER PRIMARY KEY, topic_name TEXT NOT NULL,
      ${variant === "merged" ? "metadata TEXT," : ""} UNIQUE(topic_name));
    CREATE TABLE ${prefix}aggregate_topics (agg_topic_id INTEGER PRIMARY KEY, agg_topic_name TEXT NOT NULL,
      agg_type TEXT NOT NULL, agg_time_period TEXT NOT NULL, UNIQUE(agg_topic_name, agg_type, agg_time_period));
    CREATE TABLE ${prefix}aggregate_meta (agg_topic_id INTEGER NOT NULL PRIMARY KEY, metadata TEXT NOT NULL);
    CREATE TABLE avg_1h (ts timestamp NOT NULL, topic_id INTEGER NOT NULL, agg_value REAL NOT NULL, topics TEXT,
      UNIQUE(topic_id, ts));`);
  if (variant === "separate")
    db.exec(`CREATE TABLE ${prefix}meta (topic_id INTEGER PRIMARY KEY, metadata TEXT NOT NULL);
      CREATE TABLE volttron_table_definitions (table_id TEXT PRIMARY KEY, table_name TEXT NOT NULL, table_prefix TEXT);`);
  return db;
}

/** What VOLTTRON has stored before we come. */
function fill(db: DatabaseSync, variant: Variant, prefix = ""): void {
  const meta = '{"units": "kW", "type": "float", "tz": "US/Pacific", "notes": "kept"}';
  if (variant === "merged")
    db.exec(
      `INSERT INTO ${prefix}topics VALUES (1, 'PNNL/Garage/Load', '${meta}'), (2, 'pnnl/garage/state', NULL)`,
    );
  else
    db.exec(`INSERT INTO ${prefix}topics VALUES (1, 'PNNL/Garage/Load'), (2, 'pnnl/garage/state');
      INSERT INTO ${prefix}meta VALUES (1, '${meta}')`);
  db.exec(`INSERT INTO ${prefix}data VALUES
    ('2026-11-21T11:58:00.000001+00:00', 1, '1.0'),
    ('2026-11-21T11:59:00.000000+00:00', 1, 'NaN'),
    ('2026-11-21T11:59:30.000000+00:00', 1, '[-Infinity, "NaN", {"a": Infinity}]'),
    ('2026-11-21T11:59:00.000000+00:00', 2, '"Charging \\u26a1"'),
    ('2026-11-21T11:59:10.000000+00:00', 2, 'null'),
    ('2026-11-21T11:59:20.000000+00:00', 2, 'not json at all')`);
}

historianContract("volttron-sqlite", async () => {
  const folder = mkdtempSync(join(tmpdir(), "voltbridge-volttron-"));
  const tables = tablesIn({
    table_prefix: "",
    data_table: "data",
    topics_table: "topics",
    meta_table: "meta",
  });
  return {
    connect: () =>
      new SqliteBackend({
        file: join(folder, "deep", "historian.sqlite"),
        durability: "normal",
        readonly: false,
        volttron: tables,
      }),
    remove: async () => rmSync(folder, { recursive: true }),
  };
});

describe.each(VARIANTS)("B11: a file of VOLTTRON's, metadata %s", (variant) => {
  let folder: string;
  let file: string;
  const open: Historian[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "voltbridge-volttron-"));
    file = join(folder, "platform.historian.sqlite");
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((historian) => historian.close()));
    rmSync(folder, { recursive: true });
  });

  async function historian(connection: Record<string, unknown> = {}, readonly = false): Promise<Historian> {
    const settings: HistorianSettings = { ...SETTINGS, backend: "volttron-sqlite", connection, readonly };
    const opened = await openHistorian(settings, folder, { log });
    open.push(opened);
    return opened;
  }

  it("B11: is opened and queried, whatever Python wrote", async () => {
    const db = makeFile(file, variant);
    fill(db, variant);
    db.close();
    const { values, metadata } = await (await historian({}, true)).query({
      topic: ["pnnl/garage/load", "PNNL/GARAGE/STATE"],
    });
    expect(values).toEqual({
      "PNNL/Garage/Load": [
        ["2026-11-21T11:58:00.000001+00:00", 1],
        ["2026-11-21T11:59:00.000000+00:00", "NaN"],
        ["2026-11-21T11:59:30.000000+00:00", ["-Infinity", "NaN", { a: "Infinity" }]],
      ],
      "pnnl/garage/state": [
        ["2026-11-21T11:59:00.000000+00:00", "Charging ⚡"],
        ["2026-11-21T11:59:10.000000+00:00", null],
        ["2026-11-21T11:59:20.000000+00:00", "not json at all"],
      ],
    });
    expect(metadata).toEqual({
      "PNNL/Garage/Load": { units: "kW", type: "float", tz: "US/Pacific" },
      "pnnl/garage/state": { units: "", type: "string", tz: "" },
    });
  });

  it("B11: what is appended is read by VOLTTRON's own statements, and what was there stays", async () => {
    const db = makeFile(file, variant);
    fill(db, variant);
    const writer = await historian();
    const meta = { units: "W", type: "float" as const, tz: "UTC" };
    await writer.backend.write([
      sample("pnnl/garage/LOAD", NOON, 7, meta),
      sample("pnnl/garage/LOAD", NOON + 1, 1e300, meta),
      sample("pnnl/garage/new", NOON, "INUSE"),
      sample("pnnl/garage/new", NOON + 1, null),
      sample("pnnl/garage/new", NOON + 2, { a: [true] }),
    ]);

    const rows = (topicId: number) =>
      db
        .prepare(
          `SELECT topic_id, ts, value_string FROM data WHERE topic_id = ? AND ts >= ? AND ts < ?
           ORDER BY topic_id ASC, ts ASC LIMIT ?`,
        )
        .all(topicId, "2026-11-21T11:59:30.000000+00:00", "2026-11-21T12:00:00.000002+00:00", -1)
        .map(({ ts, value_string }) => [ts, value_string]);
    expect(rows(1)).toEqual([
      ["2026-11-21T11:59:30.000000+00:00", '[-Infinity, "NaN", {"a": Infinity}]'],
      ["2026-11-21T12:00:00.000000+00:00", "7.0"],
      ["2026-11-21T12:00:00.000001+00:00", "1e+300"],
    ]);
    const names = db.prepare("SELECT topic_id, topic_name FROM topics ORDER BY topic_id").all();
    expect(names.map((row) => Object.values(row))).toEqual([
      [1, "pnnl/garage/LOAD"],
      [2, "pnnl/garage/state"],
      [3, "pnnl/garage/new"],
    ]);
    expect(rows(3)).toEqual([
      ["2026-11-21T12:00:00.000000+00:00", '"INUSE"'],
      ["2026-11-21T12:00:00.000001+00:00", "null"],
    ]);
    const metaTable = variant === "merged" ? "topics" : "meta";
    const metadata = db.prepare(`SELECT topic_id, metadata FROM ${metaTable} ORDER BY topic_id`).all();
    expect(metadata.map((row) => row.metadata && JSON.parse(String(row.metadata)))).toEqual([
      { units: "W", type: "float", tz: "UTC", notes: "kept" },
      ...(variant === "merged" ? [null] : []),
      { units: "kW", type: "float", tz: "UTC" },
    ]);
    expect(db.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "delete" });
    expect(db.prepare("PRAGMA auto_vacuum").get()).toEqual({ auto_vacuum: 1 });
    db.close();
  });

  it("B11: what VOLTTRON adds and renames meanwhile is seen, and its ids are not given twice", async () => {
    const db = makeFile(file, variant);
    fill(db, variant);
    const ours = await historian();
    await ours.backend.write([sample("pnnl/garage/load", NOON, 1)]);
    db.exec(`INSERT INTO topics (topic_name) VALUES ('other/Point'); UPDATE topics SET topic_name = 'gone/away' WHERE topic_id = 2;
      INSERT INTO data VALUES ('2026-11-21T12:00:00.000000+00:00', 3, '5')`);
    expect((await ours.query({ topic: "OTHER/point" })).values).toEqual({
      "other/Point": [["2026-11-21T12:00:00.000000+00:00", 5]],
    });
    expect((await ours.query({ topic: "pnnl/garage/state" })).values).toEqual({});
    expect((await ours.query({ topic: "gone/away", count: 1 })).values["gone/away"]).toHaveLength(1);
    await ours.backend.write([sample("other/point", NOON + 1, 6), sample("pnnl/garage/state", NOON, 7)]);
    expect((await ours.query({ topic: "other/point" })).values["other/point"]?.map(([, v]) => v)).toEqual([
      5, 6,
    ]);
    expect(db.prepare("SELECT count(*) AS n FROM topics").get()).toEqual({ n: 4 });
    db.close();
  });

  it("B11: tables with other names", async () => {
    const db = makeFile(file, variant, "ev_");
    fill(db, variant, "ev_");
    db.close();
    await expect((await historian()).backend.open()).rejects.toMatchObject({
      kind: "give_up",
      message: expect.stringMatching(
        /no tables of VOLTTRON's historian named data and topics.*ev_data.*tables_def/,
      ),
    });
    const ours = await historian({ tables_def: { table_prefix: "ev" } });
    await ours.backend.write([sample("pnnl/garage/state", NOON, "x")]);
    expect((await ours.query({ topic: "pnnl/garage/state" })).values["pnnl/garage/state"]).toHaveLength(4);
  });

  it("B11: the bridge's own notes stay out of it", async () => {
    const db = makeFile(file, variant);
    const ours = await historian();
    const note = { units: "", type: "dictionary" as const, tz: "UTC" };
    await ours.backend.write([
      sample("_voltbridge/bridge/run", NOON, { ended: false }, note),
      sample("pnnl/garage/load", NOON, 1),
      sample("_Voltbridge/bridge/devices/pnnl/garage/availability", NOON, { availability: "online" }, note),
    ]);
    expect(db.prepare("SELECT topic_name FROM topics").all()).toEqual([{ topic_name: "pnnl/garage/load" }]);
    expect(db.prepare("SELECT count(*) AS n FROM data").get()).toEqual({ n: 1 });
    expect(await ours.topics(undefined, undefined, { own: true })).toHaveLength(1);
    db.close();
  });

  it("B11: aggregates of VOLTTRON's aggregate historian are listed and read as it reads them", async () => {
    const db = makeFile(file, variant);
    db.exec(`INSERT INTO aggregate_topics VALUES (1, 'PNNL/Garage/Load', 'avg', '1h'), (2, 'garage/total', 'sum', '1d'),
        (3, 'gone/away', 'min', '1h');
      INSERT INTO aggregate_meta VALUES (1, '{"configured_topics": ["PNNL/Garage/Load"]}'), (2, '{"configured_topics": "Load$"}');
      CREATE TABLE SUM_1d (ts timestamp NOT NULL, topic_id INTEGER NOT NULL, agg_value REAL NOT NULL, topics TEXT, UNIQUE(topic_id, ts));
      INSERT INTO SUM_1d VALUES ('2026-11-21T00:00:00.000000+00:00', 2, 100, '[1]');
      INSERT INTO avg_1h VALUES ('2026-11-21T10:00:00.000000+00:00', 1, 1.5, '[1]'),
        ('2026-11-21T11:00:00.000000+00:00', 1, 2.5, '[1]'), ('2026-11-21T12:00:00.000000+00:00', 1, 3.5, '[1]')`);
    db.close();
    const ours = await historian({}, true);
    const aggregates = ours.backend.aggregates!;
    expect(await aggregates.list()).toEqual([
      { name: "PNNL/Garage/Load", type: "AVG", period: "1h", topics: ["PNNL/Garage/Load"] },
      { name: "garage/total", type: "SUM", period: "1d", topics: "Load$" },
    ]);
    const request = { topic: "pnnl/garage/LOAD", order: "LAST_TO_FIRST", skip: 0, limit: 10 } as const;
    const hour = { ...request, type: "avg", period: "1h" };
    const HOUR = 3_600_000_000;
    expect(await aggregates.read(hour)).toEqual([
      [NOON, 3.5],
      [NOON - HOUR, 2.5],
      [NOON - 2 * HOUR, 1.5],
    ]);
    expect(await aggregates.read({ ...hour, start: NOON - HOUR, end: NOON })).toEqual([[NOON - HOUR, 2.5]]);
    for (const other of [{ type: "MAX" }, { period: "2h" }, { topic: "no/such" }])
      expect(await aggregates.read({ ...hour, ...other })).toBeUndefined();

    const calls = volttronHistorian(ours, "1");
    expect(await calls.get_aggregate_topics()).toEqual([
      ["PNNL/Garage/Load", "avg", "1h", ["PNNL/Garage/Load"]],
      ["garage/total", "sum", "1d", "Load$"],
    ]);
    const daily = { topic: "Garage/Total", agg_type: "sum", agg_period: "24h" };
    expect(await calls.query(daily)).toMatchObject({
      values: [["2026-11-21T00:00:00.000000+00:00", 100]],
    });
    const hourly = { topic: "pnnl/garage/load", agg_type: "AVG", agg_period: "1h", count: 2 };
    expect(await calls.query(hourly)).toMatchObject({
      values: [
        ["2026-11-21T10:00:00.000000+00:00", 1.5],
        ["2026-11-21T11:00:00.000000+00:00", 2.5],
      ],
    });
    // Computed from the values.
    expect(await calls.query({ ...hourly, tz: "UTC" })).not.toEqual(await calls.query(hourly));
  });

  it("B11: two topics that differ in case only: the last one counts, as for VOLTTRON", async () => {
    const db = makeFile(file, variant);
    db.exec(`INSERT INTO topics (topic_id, topic_name) VALUES (1, 'a/B'), (2, 'A/b');
      INSERT INTO data VALUES ('2026-11-21T11:59:00.000000+00:00', 1, '1'), ('2026-11-21T11:59:00.000000+00:00', 2, '2')`);
    const ours = await historian();
    await ours.backend.write([sample("a/B", NOON, 3)]);
    const { values } = await ours.query({ topic: "a/b" });
    expect(Object.values(values)[0]?.map(([, value]) => value)).toEqual([2, 3]);
    expect(await ours.topics()).toHaveLength(1);
    db.close();
  });

  it("B11: a row whose time cannot be read is passed over, and the page is full all the same", async () => {
    const db = makeFile(file, variant);
    db.exec(`INSERT INTO topics (topic_id, topic_name) VALUES (1, 'a/b');
      INSERT INTO data VALUES ('2026-11-20T00:00:00.000000+00:00', 1, '1'), ('2026-11-20 noonish', 1, '2'),
        ('2026-11-21 00:00:00+00:00', 1, '3'), ('2026-11-22T00:00:00.000000+00:00', 1, '4')`);
    const ours = await historian({}, true);
    const { values } = await ours.query({ topic: "a/b", count: 3 });
    expect(values["a/b"]?.map(([, value]) => value)).toEqual([1, 3, 4]);
    db.close();
  });

  it("B11: a historian of ours names the backend that the file needs", async () => {
    makeFile(file, variant).close();
    const settings = { ...SETTINGS, connection: { path: file } };
    const ours = await openHistorian(settings, folder, { log });
    open.push(ours);
    await expect(ours.backend.open()).rejects.toThrow("Set historian.backend to volttron-sqlite");
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type PostgresConnection, withUrl } from "../../../../src/config/postgres-connection.ts";
import { PostgresBackend } from "../../../../src/historian/stores/postgres/backend.ts";
import { createLog } from "../../../../src/log/log.ts";
import type { PointValue } from "../../../../src/points/index.ts";
import { sample } from "../../../contracts/historian-contract.ts";
import { Postgres } from "../../../helpers/postgres.ts";
import { hasPostgres } from "../../../helpers/postgres-programs.ts";
import { connectionTo, log } from "./settings.ts";

const NOON = Date.UTC(2026, 10, 21, 12) * 1000;
const DATABASE = "voltbridge";

describe.skipIf(!hasPostgres())("tables in PostgreSQL", () => {
  let server: Postgres;
  const open: PostgresBackend[] = [];
  beforeAll(async () => {
    server = await Postgres.run();
  });
  afterAll(() => server.dispose());
  afterEach(async () => {
    await Promise.all(open.splice(0).map((backend) => backend.close()));
    await server.sql("DROP SCHEMA IF EXISTS voltbridge CASCADE", DATABASE);
  });

  function backend(into = log): PostgresBackend {
    const made = new PostgresBackend(connectionTo(server), { readonly: false, log: into });
    open.push(made);
    return made;
  }

  it("the view history reads well in SQL", async () => {
    const stored: PointValue[] = [
      1.5,
      "INUSE",
      true,
      false,
      null,
      "42",
      "NaN",
      [1, "a"],
      "a\0b",
      "\ud83d",
      'C:\\u0000"',
    ];
    await backend().write(stored.map((value, i) => sample("a/b", NOON + i, value)));
    const rows = await server.sql(
      "SELECT topic, (time AT TIME ZONE 'UTC')::text AS time, value, text, units FROM voltbridge.history ORDER BY time",
      DATABASE,
    );
    expect(rows[0]).toEqual({
      topic: "a/b",
      time: "2026-11-21 12:00:00",
      value: 1.5,
      text: null,
      units: "kW",
    });
    expect(rows[1]?.time).toBe("2026-11-21 12:00:00.000001");
    expect(rows.map(({ value, text }) => [value, text])).toEqual([
      [1.5, null],
      [null, "INUSE"],
      [1, "true"],
      [0, "false"],
      [null, null],
      [null, "42"],
      [null, "NaN"],
      [null, '[1,"a"]'],
      // What PostgreSQL's text cannot hold stays JSON.
      [null, '"a\\u0000b"'],
      [null, '"\\ud83d"'],
      [null, '"C:\\\\u0000\\""'],
    ]);
  });

  it("B1: a batch that was stored already leaves the table untouched", async () => {
    const writer = backend();
    const batch = Array.from({ length: 100 }, (_, i) => sample(`a/p${i % 7}`, NOON + i, i % 3 ? i : "text"));
    await writer.write(batch);
    const rows = () => server.sql("SELECT ctid, xmin, * FROM voltbridge.sample ORDER BY time", DATABASE);
    const before = await rows();
    await writer.write(batch);
    expect(await rows()).toEqual(before);
  });

  it("the view station has name, site and model of each device, as they were read last; a store of before gets it", async () => {
    const text = { units: "", type: "string" as const, tz: "UTC" };
    await backend().write([
      sample("Campus/S1/stationName", NOON, "ACME / OLD", text),
      sample("campus/s1/STATIONNAME", NOON + 1, "ACME / NEW", text),
      sample("campus/s1/stationName", NOON + 2, null, text),
      sample("campus/s1/sgName", NOON, "North garage", text),
      sample("campus/s1/Address", NOON, "1 Main St", text),
      sample("campus/s1/stationModel", NOON, "CT4021", text),
      sample("campus/s1/portLoad_1", NOON, 6.6),
      sample("campus/s2/stationName", NOON, "TWO", text),
      sample("campus/s2/sgName", NOON, "", text),
      sample("campus/s2/Address", NOON, "2 Main St", text),
    ]);
    const stations = () => server.sql("SELECT * FROM voltbridge.station ORDER BY name", DATABASE);
    const expected = [
      { device: "campus/s1", name: "ACME / NEW", site: "North garage", model: "CT4021" },
      { device: "campus/s2", name: "TWO", site: "2 Main St", model: null },
    ];
    expect(await stations()).toEqual(expected);
    const joined = await server.sql(
      `SELECT s.site, h.value FROM voltbridge.history h JOIN voltbridge.station s ON lower(h.topic) LIKE lower(s.device) || '/portload%'`,
      DATABASE,
    );
    expect(joined).toEqual([{ site: "North garage", value: 6.6 }]);
    await server.sql("DROP VIEW voltbridge.station; UPDATE voltbridge.store SET version = 1", DATABASE);
    await backend().open();
    expect(await stations()).toEqual(expected);
  });

  it("a topic's history is read by the key, and so is one time of many", async () => {
    const writer = backend();
    await writer.write(Array.from({ length: 5000 }, (_, i) => sample(`a/p${i % 50}`, NOON + i, i)));
    await server.sql("ANALYZE voltbridge.sample", DATABASE);
    const plan = await server.sql(
      `EXPLAIN SELECT * FROM voltbridge.history WHERE topic = 'a/p7' AND time >= '2026-11-21 12:00' AND time < '2026-11-21 12:01'`,
      DATABASE,
    );
    const text = plan.map((row) => row["QUERY PLAN"]).join("\n");
    expect(text).toMatch(/Index (Only )?(Scan|Cond).*/);
    expect(text).not.toContain("Seq Scan on sample");
  });

  it("text that is quoted in arrays comes back", async () => {
    const writer = backend();
    const texts = ['"', "\\", '\\"', "{}", "{", ",", "NULL", "null", "", " ", "'", "\n", "a\\u0041"];
    const meta = { units: '{"\\,NULL}', type: "string" as const, tz: "" };
    await writer.write(texts.map((text, i) => sample("a/b", NOON + i, text, meta)));
    const rows = await writer.read({ topic: "a/b", order: "FIRST_TO_LAST", skip: 0, limit: 100 });
    expect(rows.map(([, value]) => value)).toEqual(texts);
    expect(await writer.topics()).toEqual([{ name: "a/b", meta }]);
  });

  it.each([
    ["a topic with NUL", sample("a/\0", NOON, 1), "NUL"],
    ["units with NUL", sample("a/b", NOON, 1, { units: "\0", type: "float", tz: "UTC" }), "metadata"],
    [
      "a zone that is no Unicode",
      sample("a/b", NOON, 1, { units: "", type: "float", tz: "\ud800" }),
      "metadata",
    ],
  ])("B3: %s is rejected with its reason", async (_, bad, reason) => {
    await expect(backend().write([sample("a/c", NOON, 1), bad])).rejects.toMatchObject({
      kind: "reject",
      rejected: new Map([[1, expect.stringContaining(reason)]]),
    });
  });

  it("large batches of large texts go in several statements of one transaction", async () => {
    const writer = backend();
    const text = "x".repeat(2 * 1024 * 1024);
    await writer.write(Array.from({ length: 20 }, (_, i) => sample("a/b", NOON + i, `${text}${i}`)));
    const xmins = await server.sql("SELECT DISTINCT xmin::text FROM voltbridge.sample", DATABASE);
    expect(xmins).toHaveLength(1);
    const [last] = await writer.read({ topic: "a/b", order: "LAST_TO_FIRST", skip: 0, limit: 1 });
    expect(last).toEqual([NOON + 19, `${text}19`]);
  });

  it("where TimescaleDB is installed the samples become a hypertable, and only then", async () => {
    const lines: string[] = [];
    await backend().open();
    // Stands in for the extension: its entry in the catalogue, and a function that notes what it was asked for.
    await server.sql(
      `DROP SCHEMA voltbridge CASCADE;
       CREATE SCHEMA timescale;
       CREATE TABLE timescale.calls (relation text, dimension text, chunks interval);
       CREATE FUNCTION timescale.create_hypertable(relation regclass, dimension name, chunk_time_interval interval)
         RETURNS void LANGUAGE sql AS 'INSERT INTO timescale.calls VALUES ($1::text, $2, $3)';
       SET allow_system_table_mods = on;
       INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
         SELECT 1, 'timescaledb', 10, oid, false, '2.0' FROM pg_namespace WHERE nspname = 'timescale'`,
      DATABASE,
    );
    try {
      const writer = backend(createLog({ write: (line) => lines.push(line) }));
      await writer.write([sample("a/b", NOON, 1)]);
      await writer.open();
      expect(
        await server.sql("SELECT relation, dimension, chunks::text FROM timescale.calls", DATABASE),
      ).toEqual([{ relation: "voltbridge.sample", dimension: "time", chunks: "7 days" }]);
      expect(lines.join("")).toContain("is a TimescaleDB hypertable");
    } finally {
      await server.sql(
        `SET allow_system_table_mods = on; DELETE FROM pg_extension WHERE extname = 'timescaledb';
         DROP SCHEMA timescale CASCADE`,
        DATABASE,
      );
    }
  });

  it("B8: the size follows what is stored, not what is free", async () => {
    const writer = backend();
    const retention = writer.retention!;
    const batch = (from: number) =>
      Array.from({ length: 20_000 }, (_, i) => sample(`a/p${i % 100}`, NOON + from + i, i));
    await writer.write(batch(0));
    const half = (await retention.size()) as number;
    await writer.write(batch(20_000));
    const whole = (await retention.size()) as number;
    expect(whole / half).toBeCloseTo(2, 1);
    const [{ real }] = (await server.sql(
      "SELECT pg_total_relation_size('voltbridge.sample')::integer AS real",
      DATABASE,
    )) as [{ real: number }];
    expect(whole / real).toBeGreaterThan(0.7);
    expect(whole / real).toBeLessThan(1.3);
    let removed = 0;
    for (let step = -1; step !== 0; removed += step) step = await retention.removeBefore(NOON + 20_000);
    expect(removed).toBe(20_001 - 1);
    expect((await retention.size())! / half).toBeCloseTo(1, 1);
    expect(await retention.oldest()).toBe(NOON + 20_000);
  });
});

describe("connection settings of PostgreSQL", () => {
  const connection = connectionTo({ port: 5432 });

  it.each<[string, Partial<PostgresConnection>]>([
    [
      "postgresql://u:p%40%2F@db.example:5433/my%20db",
      { user: "u", password: "p@/", host: "db.example", port: 5433, database: "my db" },
    ],
    ["postgres://db.example", { host: "db.example", port: 5432, database: "voltbridge" }],
    ["postgresql:///only", { host: "127.0.0.1", database: "only" }],
    ["postgresql://[::1]/db?sslmode=verify-full", { host: "::1", database: "db", ssl: "verify-full" }],
  ])("%s goes before the other settings", (url, expected) => {
    expect(withUrl({ ...connection, url }, "connection")).toEqual({ ...connection, ...expected });
  });

  it.each([
    ["postgresql://u:canary@h:99999/db", "not a URL"],
    ["postgresql://u:canary@h/db?sslmode=prefer", "none of disable, require, verify-full"],
    ["postgresql://u:canary@h/db?target_session_attrs=any", "parameter target_session_attrs"],
  ])("%s is refused, without its password", (url, reason) => {
    expect(() => withUrl({ ...connection, url }, "connection")).toThrow(reason);
    expect(() => withUrl({ ...connection, url }, "connection")).not.toThrow("canary");
  });
});

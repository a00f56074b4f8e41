import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type SessionDatabase, SessionDatabaseError, SessionReader } from "../../../src/sessions/index.ts";
import { summarize } from "../../../src/sessions/query/summary.ts";
import { insertMissing, upsert } from "../../../src/sessions/sync/inserts.ts";
import { all, type DatabasePlace, places } from "../databases.ts";

const NAME = `Zoë "O'Neil" 🚗; DROP TABLE session --`;

describe.each(places)("reading from %s", (_, make) => {
  let place: DatabasePlace;
  let database: SessionDatabase;
  let reader: SessionReader;

  beforeAll(async () => {
    place = await make();
    database = await place.open("one");
    reader = new SessionReader(database);
    const { dialect } = database;
    const start = Date.UTC(2026, 0, 1);
    const stations = ["1:1", "1:2"].map((station_id) => ({ station_id, name: NAME, latitude: 1.5 }));
    await database.write([
      insertMissing(dialect, "station", ["station_id", "name", "latitude"], stations),
      insertMissing(
        dialect,
        "port",
        ["station_id", "port_number", "reservable"],
        stations.map(({ station_id }) => ({ station_id, port_number: "1A", reservable: true })),
      ),
      insertMissing(
        dialect,
        "session",
        [
          "session_id",
          "account",
          "station_id",
          "port_number",
          "started_at",
          "energy_kwh",
          "revision",
          "changed_at",
        ],
        Array.from({ length: 4500 }, (_, index) => ({
          session_id: String(9_007_199_254_740_993n + BigInt(index)),
          account: "a",
          station_id: `1:${1 + (index % 2)}`,
          port_number: "1A",
          // Many begin in the same second.
          started_at: new Date(start + Math.floor(index / 100) * 3_600_000).toISOString().replace(".000", ""),
          energy_kwh: 0.25,
          revision: 1,
          changed_at: "2026-02-01T00:00:00Z",
        })),
      ),
      insertMissing(
        dialect,
        "alarm",
        ["station_id", "occurred_at", "type", "port_number"],
        [{ station_id: "1:1", occurred_at: "2026-01-01T00:00:00Z", type: "GFCI", port_number: "" }],
      ),
      insertMissing(
        dialect,
        "payment",
        [
          "session_id",
          "transaction_id",
          "station_id",
          "port_number",
          "reported_at",
          "currency",
          "gross_amount",
          "net_revenue_amount",
        ],
        [
          {
            ...{ session_id: "9007199254740993", transaction_id: "1", station_id: "1:1", port_number: "1A" },
            reported_at: "2026-01-02T00:00:00Z",
            ...{ currency: "EUR", gross_amount: 1.1, net_revenue_amount: 0.2 },
          },
        ],
      ),
    ]);
  });
  afterAll(async () => {
    await database?.close();
    await place?.dispose();
  });

  test("rows come whole, page after page, in order, with every digit of their numbers", async () => {
    const rows = await all(reader.rows("session"));
    expect(rows.length).toBe(4500);
    expect(new Set(rows.map((row) => row.session_id)).size).toBe(4500);
    expect(rows[0]).toMatchObject({
      session_id: "9007199254740993",
      started_at: "2026-01-01T00:00:00Z",
      ended_at: null,
      energy_kwh: 0.25,
    });
    expect(rows.map((row) => row.started_at)).toEqual(rows.map((row) => row.started_at).toSorted());
  });

  test("a range takes its beginning and leaves out its end; a station is asked for alone", async () => {
    const range = { from: new Date("2026-01-01T01:00:00Z"), to: new Date("2026-01-01T03:00:00Z") };
    expect((await all(reader.rows("session", range))).length).toBe(200);
    expect((await all(reader.rows("session", { ...range, stationID: "1:2" }))).length).toBe(100);
  });

  test("texts, numbers and truth come back as they were", async () => {
    expect((await reader.all("station"))[0]).toMatchObject({ name: NAME, latitude: 1.5, listed_at: null });
    expect((await reader.all("port"))[0]).toMatchObject({ port_number: "1A", reservable: true });
    expect(await all(reader.rows("alarm"))).toEqual([
      { station_id: "1:1", occurred_at: "2026-01-01T00:00:00Z", type: "GFCI", port_number: "" },
    ]);
  });

  test("pages go from the newest to the oldest, and each session comes once", async () => {
    const ids: string[] = [];
    let after: [string, string] | undefined;
    for (let pages = 0; pages < 5; pages++) {
      const page = await reader.page({ stationID: "1:2", isOpen: true, after, count: 70 });
      ids.push(...page.map(({ session_id }) => session_id));
      const { started_at, session_id } = page.at(-1)!;
      after = [started_at, session_id];
    }
    expect(new Set(ids).size).toBe(350);
    expect(ids[0]).toBe("9007199254745492");
    expect(ids).toEqual(ids.toSorted().reverse());
    expect(await reader.page({ isOpen: false, count: 10 })).toEqual([]);
  });

  test("one session, its payments, and the newest alarms", async () => {
    const id = "9007199254740993";
    expect(await reader.ofSession("session", id)).toMatchObject([{ session_id: id, station_id: "1:1" }]);
    expect(await reader.ofSession("payment", id)).toMatchObject([{ currency: "EUR", gross_amount: 1.1 }]);
    expect(await reader.ofSession("interval", id)).toEqual([]);
    const range = { from: new Date("2025-12-31T00:00:00Z"), to: new Date("2026-01-01T00:00:01Z") };
    expect(await reader.newestAlarms({ ...range, stationID: "1:1", count: 5 })).toMatchObject([
      { type: "GFCI" },
    ]);
    expect(await reader.newestAlarms({ to: range.from, count: 5 })).toEqual([]);
  });

  test("sums by day, month and station, in the calendar of a zone", async () => {
    const range = { from: new Date("2026-01-01T00:00:00Z"), to: new Date("2026-01-02T21:00:00Z") };
    const days = await summarize(reader, { ...range, by: "day", timeZone: "UTC" });
    expect(days).toEqual([
      {
        ...{ key: "2026-01-01", name: null, sessions: 2400, energyKwh: 600 },
        ...{ connectedSeconds: 0, chargingSeconds: 0 },
        money: [{ currency: "EUR", gross: 1.1, net: 0.2 }],
      },
      {
        ...{ key: "2026-01-02", name: null, sessions: 2100, energyKwh: 525 },
        ...{ connectedSeconds: 0, chargingSeconds: 0, money: [] },
      },
    ]);
    const west = await summarize(reader, { ...range, by: "day", timeZone: "America/Los_Angeles" });
    expect(west.map(({ key, sessions }) => [key, sessions])).toEqual([
      ["2025-12-31", 800],
      ["2026-01-01", 2400],
      ["2026-01-02", 1300],
    ]);
    const [month] = await summarize(reader, { ...range, by: "month", timeZone: "UTC" });
    expect(month).toMatchObject({ key: "2026-01", sessions: 4500 });
    const stations = await summarize(reader, { ...range, by: "station", timeZone: "UTC" });
    expect(stations).toMatchObject([
      { key: "1:1", name: NAME, sessions: 2250, money: [{ gross: 1.1 }] },
      { key: "1:2", name: NAME, sessions: 2250, money: [] },
    ]);
  });

  test("a row without its station is refused, and nothing of its transaction stays", async () => {
    const { dialect } = database;
    const before = await reader.count("station");
    const orphan = { station_id: "1:99", position: 1 };
    await expect(
      database.write([
        upsert(dialect, "station", ["station_id", "name"], [{ station_id: "1:3", name: "new" }]),
        insertMissing(dialect, "pricing", ["station_id", "position"], [orphan]),
      ]),
    ).rejects.toMatchObject({ name: "SessionDatabaseError", retry: false });
    expect(await reader.count("station")).toBe(before);
  });

  test("opened again and for reading only, it has the same, and takes nothing", async () => {
    const again = await place.open("one", true);
    try {
      expect(await new SessionReader(again).count("session")).toBe(4500);
      await expect(again.write([{ sql: "DELETE FROM session", rows: [[]] }])).rejects.toThrow();
    } finally {
      await again.close();
    }
    await expect(place.open("nowhere", true)).rejects.toThrow(SessionDatabaseError);
  });
});

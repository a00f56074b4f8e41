import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ChargingSession, operations } from "../../../src/drivers/chargepoint/api/index.ts";
import { openSessionDatabase, type SessionDatabase, SessionReader } from "../../../src/sessions/index.ts";
import { LifetimeEnergy } from "../../../src/sessions/sync/lifetime-energy.ts";
import { storeRun } from "../../../src/sessions/sync/run.ts";
import { SessionStore } from "../../../src/sessions/sync/store.ts";
import { StateStore } from "../../../src/storage/state-store.ts";
import { Workplace } from "../../cli/workplace.ts";
import { all, type DatabasePlace, places } from "../databases.ts";

const FROM = { account: "a", at: "2026-11-02T00:00:00Z", announceSince: null };
const ENDED = {
  ...{ stationID: "1:1", portNumber: "1A", sessionID: "4711", Energy: 12.5, userID: "77" },
  ...{ startTime: "2026-11-01T10:00:00Z", endTime: "2026-11-01T12:00:00Z", totalSessionDuration: "26:00:01" },
};

/** A session as the client gives it: every element there, null where it is not told. */
function session(given: Partial<Record<keyof ChargingSession, string | number | null>>): ChargingSession {
  const fields = operations.getChargingSessionData.response.ChargingSessionData.element.fields;
  const empty = Object.fromEntries(Object.keys(fields).map((name) => [name, null]));
  return { ...empty, ...given } as unknown as ChargingSession;
}

describe.each(places)("storing sessions in %s", (_, make) => {
  let place: DatabasePlace;
  let database: SessionDatabase;
  let store: SessionStore;
  let reader: SessionReader;

  beforeAll(async () => {
    place = await make();
  });
  afterAll(() => place?.dispose());
  beforeEach(async () => {
    database = await place.open();
    store = new SessionStore(database, { personalData: true });
    reader = new SessionReader(database);
    return () => database.close();
  });

  const stored = async () => (await all(reader.rows("session")))[0]!;

  test("a session that changes after it was stored is updated and counted; the same again is not", async () => {
    expect(await store.sessions([session(ENDED)], FROM)).toMatchObject({
      added: 1,
      updated: 0,
      unchanged: 0,
    });
    expect(await store.sessions([session(ENDED)], FROM)).toMatchObject({
      added: 0,
      updated: 0,
      unchanged: 1,
    });
    const corrected = { ...ENDED, Energy: 11 };
    expect(await store.sessions([session(corrected)], FROM)).toMatchObject({ updated: 1, unchanged: 0 });
    expect(await stored()).toMatchObject({ energy_kwh: 11, revision: 2, connected_seconds: 93_601 });
  });

  test("one that is over is not opened again by an older answer", async () => {
    await store.sessions([session(ENDED)], FROM);
    await store.sessions([session({ ...ENDED, Energy: 3, endTime: null })], FROM);
    expect(await stored()).toMatchObject({ ended_at: "2026-11-01T12:00:00Z", energy_kwh: 12.5, revision: 1 });
  });

  test("a driver whose name has quotes and emoji, and sessions without a driver, are kept as they are", async () => {
    const driverName = `Zoë "O'Neil" 🚗'; DROP TABLE session; --`;
    const records = [
      session({ ...ENDED, driverName }),
      session({ ...ENDED, sessionID: "4712", userID: null, credentialID: null }),
    ];
    expect(await store.sessions(records, FROM)).toMatchObject({ added: 2 });
    expect((await all(reader.rows("user")))[0]).toMatchObject({ user_id: "77", driver_name: driverName });
    expect((await all(reader.rows("session"))).map((row) => row.user_id)).toEqual(["77", null]);
  });

  test("a session across the end of summer time is as long as it was", async () => {
    const times = { startTime: "2026-11-01T01:30:00-04:00", endTime: "2026-11-01T01:30:00-05:00" };
    await store.sessions([session({ ...ENDED, ...times })], FROM);
    const { started_at, ended_at } = await stored();
    expect([started_at, ended_at]).toEqual(["2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"]);
  });

  test("records that cannot be stored stay out with their reasons; the others of the page go in", async () => {
    const records = [
      session({ ...ENDED, sessionID: null }),
      session({ ...ENDED, sessionID: "none" }),
      session({ ...ENDED, sessionID: "1", stationID: null }),
      session({ ...ENDED, sessionID: "2", startTime: null }),
      session(ENDED),
      session({ ...ENDED, Energy: 13 }),
    ];
    const { added, refused } = await store.sessions(records, FROM);
    expect(added).toBe(1);
    expect(Object.fromEntries(refused)).toEqual({
      "sessionID must be a whole number": 2,
      "stationID is missing or cannot be read": 1,
      "startTime is missing or cannot be read": 1,
    });
    expect((await stored()).energy_kwh).toBe(13);
  });

  test("the energy of a port goes on in an empty database; older sessions that come back are not counted twice", async () => {
    const saved = StateStore.open(":memory:");
    const state = saved.namespace("lifetime energy");
    const known: number[] = [];
    const energyIn = (db: SessionDatabase) =>
      new LifetimeEnergy({ database: db, state, onEnergy: ({ energyKwh }) => known.push(energyKwh) });
    const at = (time: string) => Date.parse(`2026-11-${time}Z`);
    const accounts = new Set(["a"]);
    const readTo = (db: SessionDatabase, time: string) =>
      storeRun(db, {
        ...{ account: "a", kind: "continuous", seen: 0, added: 0, updated: 0, unchanged: 0, refused: 0 },
        ...{ range_from: ENDED.startTime, range_to: null, ended_at: null, rechecked_at: null },
        ...{ sessions_to: time, payments_to: time, first_at: time, began_at: time },
      });
    const yesterday = session(ENDED);
    const active = { sessionID: "4712", startTime: "2026-11-02T09:00:00Z", endTime: null };
    await store.sessions([yesterday, session({ ...ENDED, ...active, Energy: 3 })], FROM);
    await readTo(database, "2026-11-02T12:00:00Z");
    await energyIn(database).count(at("02T12:00:00"), accounts);
    expect(known).toEqual([15.5]);

    const empty = await place.open();
    try {
      const after = new SessionStore(empty, { personalData: true });
      const energy = energyIn(empty);
      // From the start of the session that was under way.
      expect(await energy.restore()).toBe(true);
      expect(await energyIn(empty).neededFrom()).toBe("2026-11-02T09:00:00Z");
      await energy.count(at("02T12:30:00"), accounts);
      await readTo(empty, "2026-11-02T13:00:00Z");
      await after.sessions(
        [
          session({ ...ENDED, ...active, endTime: "2026-11-02T12:30:00Z", Energy: 4 }),
          session({ ...ENDED, sessionID: "4713", startTime: "2026-11-02T12:40:00Z", Energy: 1 }),
        ],
        FROM,
      );
      await energy.count(at("02T13:00:00"), accounts);
      await after.sessions([yesterday], FROM);
      await energy.count(at("02T13:05:00"), accounts);
      expect([...new Set(known)]).toEqual([15.5, 17.5]);
      expect([...energy.of("1:1")]).toMatchObject([{ port: "1A", energyKwh: 17.5, sessions: 3 }]);
      expect(await energyIn(empty).restore()).toBe(false);
    } finally {
      await empty.close();
      saved.close();
    }
  });

  test("quarter hours are replaced, and read again after their session changed", async () => {
    await store.sessions([session(ENDED)], FROM);
    const answer = (...energies: number[]) =>
      ({
        fifteenminData: energies.map((energyConsumed, index) => ({
          ...{ stationTime: `2026-11-01T10:${15 * index || "00"}:00Z`, energyConsumed },
          ...{ peakPower: 7, rollingPowerAvg: 6 },
        })),
      }) as never;
    await store.intervals("4711", answer(5, 5, 2.5), FROM.at);
    await store.intervals("4711", answer(6, 6.5), FROM.at);
    expect((await all(reader.rows("interval"))).map((row) => row.energy_kwh)).toEqual([6, 6.5]);
    const open = {
      account: "a",
      after: ["2000-01-01T00:00:00Z", "0"],
      to: "2100-01-01T00:00:00Z",
      count: 9,
    } as const;
    expect(await reader.sessionsWithoutIntervals(open)).toEqual([]);
    await store.sessions([session({ ...ENDED, Energy: 13 })], FROM);
    expect(await reader.sessionsWithoutIntervals(open)).toEqual([["4711", ENDED.startTime]]);
  });

  const setVersion = (version: number) =>
    database.dialect.name === "sqlite"
      ? `PRAGMA user_version = ${version}`
      : `UPDATE schema_version SET version = ${version}`;
  const execute = async (of: SessionDatabase, ...statements: readonly string[]) => {
    for (const sql of statements) await of.write([{ sql, rows: [[]] }]);
  };

  test("A51: tables of the first version are migrated, and keep what they have", async () => {
    const old = await place.open("old");
    await execute(
      old,
      "ALTER TABLE port_energy DROP COLUMN earlier_until",
      "ALTER TABLE port_energy DROP COLUMN earlier_kwh",
      "INSERT INTO station (station_id) VALUES ('1:1')",
      "INSERT INTO port (station_id, port_number) VALUES ('1:1', '1')",
      `INSERT INTO port_energy (station_id, port_number, energy_kwh, session_count, changed_at, to_announce)
       VALUES ('1:1', '1', 12.5, 2, '2026-11-20T08:00:00Z', false)`,
      setVersion(1),
    );
    await old.close();
    await expect(place.open("old", true)).rejects.toThrow(/sessions sync, which creates or migrates it/);
    for (let life = 0; life < 2; life++) {
      const migrated = await place.open("old");
      expect(await new SessionReader(migrated).all("port_energy")).toMatchObject([
        { energy_kwh: 12.5, session_count: 2, earlier_kwh: null, earlier_until: null },
      ]);
      await migrated.close();
    }
  });

  test("A51: tables of a newer version are refused with what to do, and not changed", async () => {
    const newer = await place.open("newer");
    await execute(newer, setVersion(99));
    await newer.close();
    for (const readonly of [false, true])
      await expect(place.open("newer", readonly)).rejects.toThrow(
        /newer voltbridge \(format 99; this version supports 2\) and was not changed\. Run that version, or restore/,
      );
  });
});

describe("a file that is not ours", () => {
  test("of another program is refused and left as it is", async () => {
    const folder = new Workplace();
    const open = (path: string) =>
      openSessionDatabase({
        backend: "sqlite",
        connection: { path },
        dataFolder: folder.folder,
        readonly: false,
      });
    try {
      const other = new DatabaseSync(folder.at("other.sqlite"));
      other.exec("CREATE TABLE theirs (a)");
      other.close();
      await expect(open("other.sqlite")).rejects.toThrow(/of another program.*sessions\.connection\.path/);
      writeFileSync(
        join(folder.folder, "text.sqlite"),
        "this is no database, but long enough to be read as one".repeat(99),
      );
      await expect(open("text.sqlite")).rejects.toThrow(/not a SQLite file/);
    } finally {
      folder.remove();
    }
  });
});

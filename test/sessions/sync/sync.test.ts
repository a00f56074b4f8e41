import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  type SessionDatabase,
  SessionReader,
  type SyncOptions,
  syncSessions,
  type TableName,
} from "../../../src/sessions/index.ts";
import { systemClock } from "../../../src/time/clock.ts";
import { hurried } from "../../helpers/hurried.ts";
import { all, type DatabasePlace, places, sqlitePlace } from "../databases.ts";
import { type Simulated, START, simulated } from "../simulated.ts";

const DAY = 86_400_000;

describe.each(places)("a sync into %s", (_, make) => {
  let place: DatabasePlace;
  let site: Simulated;
  let database: SessionDatabase;
  let reader: SessionReader;

  beforeAll(async () => {
    place = await make();
  });
  afterAll(() => place?.dispose());
  beforeEach(async () => {
    site = await simulated();
    database = await place.open();
    reader = new SessionReader(database);
  });
  afterEach(async () => {
    await database.close();
    await site.close();
  });

  const sync = (options: Partial<SyncOptions> = {}) =>
    syncSessions({
      account: site.account,
      database,
      kind: "backfill",
      from: new Date(START - 10 * DAY),
      personalData: true,
      payments: true,
      intervals: false,
      nameplates: true,
      announceSince: null,
      signal: new AbortController().signal,
      clock: { ...hurried(), now: () => site.clock.now() },
      ...options,
    });

  test("stores every session, station, port, payment and alarm of the site, and reports their number", async () => {
    const report = await sync({ intervals: true });
    const { world } = site.simulator;
    const { sessions } = world;
    expect(sessions.length).toBeGreaterThan(100);
    const stored = await all(reader.rows("session"));
    expect(new Set(stored.map((row) => row.session_id))).toEqual(
      new Set(sessions.map(({ id }) => String(id))),
    );
    expect(stored.filter((row) => row.ended_at === null).length).toBe(
      sessions.filter(({ endedAt }) => endedAt === null).length,
    );
    expect(report.counts).toEqual(
      expect.objectContaining({ seen: sessions.length, added: sessions.length, updated: 0, refused: 0 }),
    );
    expect(await reader.count("payment")).toBe(world.transactionBook.entries.length);
    expect(report.payments).toBe(world.transactionBook.entries.length);
    expect(await reader.count("alarm")).toBe(report.alarms);
    expect((await reader.all("station")).length).toBe(report.stations);
    expect(report.problems).toEqual([]);
    // Every payment has found its session.
    const [[lonely]] = (await reader.query("SELECT count(*) FROM payment WHERE session_id IS NULL")) as [
      [number],
    ];
    expect(Number(lonely)).toBe(0);
    // Sums: the energy of a session is that of its quarter hours.
    const sums = await reader.query(
      `SELECT session.energy_kwh, sum(i.energy_kwh) FROM session JOIN "interval" AS i
       ON i.session_id = session.session_id WHERE ended_at IS NOT NULL GROUP BY session.session_id, session.energy_kwh`,
    );
    expect(sums.length).toBe(report.intervals);
    for (const [energy, sum] of sums) expect(Number(sum)).toBeCloseTo(Number(energy), 5);
    // Lifetime energy of the ports is that of their sessions.
    const energy = await reader.all("port_energy");
    const total = stored.reduce((sum, row) => sum + (row.energy_kwh ?? 0), 0);
    expect(energy.reduce((sum, row) => sum + row.energy_kwh, 0)).toBeCloseTo(total, 3);
  });

  test("a second time nothing is new; what went on and ended since is updated", async () => {
    const first = await sync();
    const again = await sync();
    expect(again.counts).toMatchObject({ added: 0, updated: 0, unchanged: first.counts.seen });
    site.clock.advance(6 * 3600);
    const later = await sync();
    expect(later.counts.updated).toBeGreaterThan(0);
    expect(later.counts.added).toBeGreaterThan(0);
    const { sessions } = site.simulator.world;
    const open = (await all(reader.rows("session"))).filter((row) => row.ended_at === null);
    expect(open.map((row) => row.session_id).toSorted()).toEqual(
      sessions
        .filter(({ endedAt }) => endedAt === null)
        .map(({ id }) => String(id))
        .toSorted(),
    );
  });
});

describe("an interrupted sync", () => {
  let place: DatabasePlace;
  let site: Simulated;

  beforeAll(async () => {
    place = await sqlitePlace();
    site = await simulated({ historyHours: 24 * 14 });
  });
  afterAll(async () => {
    await site.close();
    await place.dispose();
  });

  const dump = async (database: SessionDatabase) => {
    const reader = new SessionReader(database);
    const of = (table: TableName) => all(reader.rows(table));
    return [await of("session"), await of("payment"), await of("station"), await of("port_energy")];
  };

  test("that ends five times on the way has the same end, with the same count", async () => {
    const options = {
      ...{ account: site.account, kind: "backfill" as const, from: new Date(START - 20 * DAY) },
      ...{ personalData: true, payments: true, intervals: false, nameplates: true, announceSince: null },
      ...{ clock: { ...systemClock, now: () => START }, to: new Date(START) },
    };
    const whole = await place.open("whole");
    const signal = new AbortController().signal;
    const expected = await syncSessions({ ...options, database: whole, signal });
    expect(expected.counts.seen).toBeGreaterThan(600);

    let calls = 0;
    let limit = 0;
    const client = {
      call: (...args: Parameters<typeof site.account.client.call>) => {
        if (++calls > limit) throw new Error("the power is gone");
        return site.account.client.call(...args);
      },
    } as typeof site.account.client;
    for (const more of [4, 3, 3, 4, 8]) {
      // Whatever was on its way is gone with the database.
      const database = await place.open("killed");
      limit = calls + more;
      const account = { ...site.account, client };
      await expect(syncSessions({ ...options, account, database, signal })).rejects.toThrow(
        "the power is gone",
      );
      calls = limit;
      await database.close();
    }
    const database = await place.open("killed");
    limit = Number.POSITIVE_INFINITY;
    const report = await syncSessions({ ...options, account: { ...site.account, client }, database, signal });
    expect(report.resumed).toBeDefined();
    expect(await dump(database)).toEqual(await dump(whole));
    expect(report.counts.added).toBe(expected.counts.added);
    await database.close();
    await whole.close();
  });
});

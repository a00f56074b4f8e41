import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createLog } from "../../../src/log/log.ts";
import type { PortEnergy, SessionEvent, SessionOutlet } from "../../../src/points/index.ts";
import { ContinuousSync, type SessionDatabase, SessionReader } from "../../../src/sessions/index.ts";
import { type StateNamespace, StateStore } from "../../../src/storage/state-store.ts";
import { systemClock } from "../../../src/time/clock.ts";
import { all, type DatabasePlace, sqlitePlace } from "../databases.ts";
import { type Simulated, simulated } from "../simulated.ts";

const SETTINGS = {
  ...{ intervalSeconds: 300, lookBackDays: 1, recheckDays: 3 },
  ...{ personalData: true, payments: true, intervals: false },
  ...{ publish: true, publishPersonalData: false },
};

class Recorder implements SessionOutlet {
  readonly events: SessionEvent[] = [];
  readonly energies: PortEnergy[] = [];
  away = false;

  async event(event: SessionEvent) {
    if (this.away) return "dropped" as const;
    this.events.push(event);
    return "published" as const;
  }

  async energy(energy: PortEnergy) {
    if (this.away) return "dropped" as const;
    this.energies.push(energy);
    return "published" as const;
  }

  of(sessionID: string) {
    return this.events.filter(({ session }) => session.sessionID === sessionID).map(({ event }) => event);
  }
}

describe("continuous reading", () => {
  let place: DatabasePlace;
  let database: SessionDatabase;
  let site: Simulated;
  let outlet: Recorder;
  let known: PortEnergy[];
  let store: StateStore;
  let state: StateNamespace;
  let said: string;
  let id: string;
  let port: readonly [string, string];

  const bridge = (settings: Partial<typeof SETTINGS> = {}) =>
    new ContinuousSync({
      accounts: () => [site.account],
      database,
      settings: { ...SETTINGS, ...settings },
      outlet,
      state,
      onEnergy: (energy) => known.push(energy),
      log: createLog({
        level: "debug",
        write: (line) => {
          said += line;
        },
      }),
      clock: { ...systemClock, now: () => site.clock.now() },
    });
  const minutes = (count: number) => site.clock.advance(count * 60);

  beforeEach(async () => {
    place = await sqlitePlace();
    database = await place.open("one");
    site = await simulated({ traffic: false, incidents: false, stations: 3 });
    outlet = new Recorder();
    said = "";
    known = [];
    store = StateStore.open(":memory:");
    state = store.namespace("lifetime energy");
    const station = site.simulator.world.findStation(site.simulator.stationIDs[0]!)!;
    port = [station.id, station.ports[0]!.number];
  });
  afterEach(async () => {
    store.close();
    await database.close();
    await site.close();
    await place.dispose();
  });

  const plugIn = () => {
    id = String(site.simulator.world.plugIn(...port).id);
  };
  const unplug = () => site.simulator.world.unplug(...port);

  test("a session is published as started, updated while it is active, and ended: once each, whichever bridge runs", async () => {
    await bridge().round();
    plugIn();
    minutes(5);
    await bridge().round();
    await bridge().round();
    expect(outlet.of(id)).toEqual(["started"]);
    minutes(5);
    await bridge().round();
    expect(outlet.of(id)).toEqual(["started", "updated"]);
    unplug();
    minutes(5);
    await bridge().round();
    await bridge().round();
    expect(outlet.of(id)).toEqual(["started", "updated", "ended"]);
    expect(new Set(outlet.events.map((event) => event.id)).size).toBe(outlet.events.length);
  });

  test("C15: a session that began and ended while no bridge ran is found afterwards, with its real times", async () => {
    await bridge().round();
    minutes(30);
    plugIn();
    const startedAt = site.clock.now();
    minutes(45);
    unplug();
    const endedAt = site.clock.now();
    minutes(45);
    await bridge().round();
    expect(outlet.of(id)).toEqual(["started", "ended"]);
    const [row] = await all(new SessionReader(database).rows("session"));
    expect([row?.started_at, row?.ended_at].map((time) => Date.parse(time!))).toEqual([startedAt, endedAt]);
  });

  test("a session that was under way when the bridge went is closed when it is back, however long ago it began", async () => {
    await bridge().round();
    plugIn();
    minutes(5);
    await bridge().round();
    minutes(30 * 60);
    unplug();
    minutes(5 * 60);
    await bridge().round();
    expect(outlet.of(id)).toEqual(["started", "ended"]);
    const [row] = await all(new SessionReader(database).rows("session"));
    expect(row?.ended_at).not.toBeNull();
  });

  test("sessions that ended before the first sync are stored and not published", async () => {
    plugIn();
    minutes(60);
    unplug();
    minutes(5);
    await bridge().round();
    expect(outlet.events).toEqual([]);
    expect(await new SessionReader(database).count("session")).toBe(1);
  });

  test("events wait while the broker is away, and come in order when it is back", async () => {
    await bridge().round();
    outlet.away = true;
    plugIn();
    minutes(5);
    await bridge().round();
    minutes(5);
    unplug();
    minutes(5);
    await bridge().round();
    expect(outlet.events).toEqual([]);
    outlet.away = false;
    await bridge().round();
    expect(outlet.of(id)).toEqual(["started", "ended"]);
    expect(outlet.energies.length).toBe(1);
  });

  test("rounds that fail neither lose how far those before have come, nor go back behind it", async () => {
    await bridge().round();
    const [{ sessions_to: before } = { sessions_to: "" }] = await new SessionReader(database).all("sync_run");
    const { account } = site;
    const failing = (operation: string, { client } = account) => ({
      ...account,
      client: {
        call: (...args: Parameters<typeof client.call>) =>
          args[0].name === operation ? Promise.reject(new Error("no route")) : client.call(...args),
      } as typeof client,
    });
    site = { ...site, account: failing("getChargingSessionData") };
    for (let round = 0; round < 5; round++) {
      minutes(5);
      await bridge().round();
    }
    const [away] = await new SessionReader(database).all("sync_run");
    expect(away).toMatchObject({ sessions_to: before, ended_at: null });
    expect(Date.parse(before) - Date.parse(away!.range_from)).toBe(3_600_000);
    // What is read after the sessions fails: the next round looks behind them all the same.
    site = { ...site, account: failing("getAlarms", account) };
    minutes(5);
    await bridge().round();
    await bridge().round();
    const [late] = await new SessionReader(database).all("sync_run");
    expect(Date.parse(late!.sessions_to) - Date.parse(late!.range_from)).toBe(3_600_000);
    expect(said.match(/no route/g)!.length).toBeGreaterThan(0);
  });

  test("once a day older sessions are looked through, and one that the network corrected is updated", async () => {
    plugIn();
    minutes(60);
    unplug();
    minutes(5);
    const running = bridge();
    await running.round();
    await database.write([{ sql: "UPDATE session SET energy_kwh = 1", rows: [[]] }]);
    minutes(12 * 60);
    await running.round();
    const row = async () => (await all(new SessionReader(database).rows("session")))[0]!;
    expect(await row()).toMatchObject({ energy_kwh: 1, revision: 1 });
    minutes(12 * 60);
    await running.round();
    expect((await row()).revision).toBe(2);
    expect((await row()).energy_kwh).toBeGreaterThan(1);
  });

  test("C16: events tell who the driver is only where a setting asks for it", async () => {
    await bridge().round();
    plugIn();
    minutes(5);
    await bridge().round();
    expect(outlet.events[0]!.session).not.toHaveProperty("userID");
    expect(outlet.events[0]!.session).not.toHaveProperty("credentialID");
    unplug();
    minutes(5);
    await bridge({ publishPersonalData: true }).round();
    expect(outlet.events[1]!.session.userID).toEqual(expect.stringMatching(/./));
    const [row] = await all(new SessionReader(database).rows("session"));
    for (const secret of [row!.user_id!, row!.credential_id!]) expect(said).not.toContain(secret);
  });

  test("C16: a database without personal data has none", async () => {
    plugIn();
    minutes(5);
    await bridge({ personalData: false }).round();
    const reader = new SessionReader(database);
    const [row] = await all(reader.rows("session"));
    expect(row).toMatchObject({ user_id: null, credential_id: null, vehicle_id: null, vehicle_mac: null });
    expect(await reader.count("user")).toBe(0);
  });

  test("lifetime energy of a port rises with its sessions, and stays where a session's energy is corrected downwards", async () => {
    await bridge().round();
    plugIn();
    minutes(60);
    await bridge().round();
    const [first] = outlet.energies;
    minutes(60);
    await bridge().round();
    expect(outlet.energies.at(-1)!.energyKwh).toBeGreaterThan(first!.energyKwh);
    const before = (await new SessionReader(database).all("port_energy"))[0]!.energy_kwh;
    unplug();
    await bridge().round();
    await database.write([{ sql: "UPDATE session SET energy_kwh = 0", rows: [[]] }]);
    const told = outlet.energies.length;
    await bridge().round();
    expect((await new SessionReader(database).all("port_energy"))[0]!.energy_kwh).toBeGreaterThanOrEqual(
      before,
    );
    expect(outlet.energies.length).toBeLessThanOrEqual(told + 1);
  });

  test.each(["lost", "replaced by an older copy"])(
    "a database that is %s: the energy of a port neither falls nor loses what was charged since",
    async (what) => {
      await bridge({ lookBackDays: 0 }).round();
      plugIn();
      minutes(90);
      unplug();
      minutes(24 * 60);
      const first = site.simulator.world.findSession(Number(id))!;
      if (what !== "lost") await bridge({ lookBackDays: 0 }).round();
      plugIn();
      minutes(60);
      await bridge({ lookBackDays: 0 }).round();
      const second = site.simulator.world.findSession(Number(id))!;
      const before = outlet.energies.at(-1)!.energyKwh;
      expect(before).toBeCloseTo(first.kwhAt(site.clock.now()) + second.kwhAt(site.clock.now()), 5);
      if (what === "lost") {
        await database.close();
        database = await place.open("two");
      } else
        await database.write([{ sql: "UPDATE port_energy SET energy_kwh = energy_kwh - 1", rows: [[]] }]);
      known = [];
      const told = outlet.energies.length;
      minutes(60);
      unplug();
      plugIn();
      minutes(60);
      const third = site.simulator.world.findSession(Number(id))!;
      const running = bridge({ lookBackDays: 0 });
      await running.round();
      const after = [first, second, third].reduce((sum, one) => sum + one.kwhAt(site.clock.now()), 0);
      // Known before anything is read, and counted after it.
      expect(known.map(({ energyKwh }) => energyKwh)).toEqual([before, expect.closeTo(after, 5)]);
      expect(outlet.energies.slice(told)).toEqual(known);
      expect([...running.energiesOf(port[0])]).toEqual([known[1]]);
    },
  );

  test("events of sessions can be off; the energy of the ports is published all the same", async () => {
    await bridge({ publish: false }).round();
    plugIn();
    minutes(60);
    await bridge({ publish: false }).round();
    expect(outlet.events).toEqual([]);
    expect(outlet.energies.length).toBe(1);
  });

  test("a plan without transactions is reported once, and the rest is read", async () => {
    await site.close();
    site = await simulated(
      {
        ...{ traffic: false, incidents: false, stations: 3 },
        accounts: [{ username: "small", password: "small-password", plan: "commercial" }],
      },
      { username: "small", password: "small-password" },
    );
    plugIn();
    minutes(60);
    unplug();
    minutes(5);
    const running = bridge();
    await running.round();
    await running.round();
    expect(said.match(/getTransactionData was not read: .*101/g)).toHaveLength(1);
    const reader = new SessionReader(database);
    expect(await reader.count("session")).toBe(1);
    expect(await reader.count("station")).toBe(3);
  });
});

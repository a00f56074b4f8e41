import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { expect, vi } from "vitest";
import { Bus } from "../../src/bus.ts";
import { loadAll } from "../../src/cli/setup/load.ts";
import { openDevices } from "../../src/devices/index.ts";
import { ChargePointClient } from "../../src/drivers/chargepoint/api/index.ts";
import { openArchive, Recorder } from "../../src/historian/index.ts";
import { createLog, Secrets } from "../../src/log/log.ts";
import { createMetrics } from "../../src/metrics/metrics.ts";
import type { PortEnergy } from "../../src/points/index.ts";
import { openSessionDatabase, syncSessions } from "../../src/sessions/index.ts";
import { startSimulator, type World } from "../../src/simulator/index.ts";
import type { Session } from "../../src/simulator/world/sessions/session.ts";
import { settlementOf } from "../../src/simulator/world/stations/transactions.ts";
import { StateStore } from "../../src/storage/state-store.ts";
import { eventually } from "../helpers/eventually.ts";
import type { Influxd } from "../helpers/influxdb.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { POSTGRES_PASSWORD, POSTGRES_USER, type Postgres } from "../helpers/postgres.ts";
import { Site } from "../helpers/site.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const ROUND = 5 * MINUTE;
export const FROM = Date.UTC(2026, 10, 26);
export const TO = FROM + 24 * HOUR;
export const LIMIT_KW = 20;
/** A limit that is in force for some hours, above what the vehicle draws. */
const LIMIT = { from: FROM + 8 * HOUR, until: FROM + 14 * HOUR, device: "site/s1", kw: 7 };

/**
 * Vehicles of the day. They come and go a second before a reading, so that loads hold for whole intervals and the sums of the stores
 * are those of the meters. One becomes full and stays, and the last one stays beyond the day.
 */
const VISITS = [
  { station: 0, port: "1", from: 7 * HOUR, until: 11 * HOUR, kw: 6, needKwh: 100 },
  { station: 0, port: "2", from: 8 * HOUR, until: 16 * HOUR, kw: 3, needKwh: 6 },
  { station: 1, port: "1", from: 9 * HOUR, until: 12 * HOUR, kw: 5, needKwh: 100 },
  { station: 1, port: "1", from: 13 * HOUR, until: 15 * HOUR, kw: 6.6, needKwh: 100 },
  { station: 2, port: "1", from: 10 * HOUR, until: 18 * HOUR, kw: 4, needKwh: 100 },
  { station: 1, port: "2", from: 17 * HOUR, until: 30 * HOUR, kw: 2, needKwh: 100 },
].map((visit) => ({
  ...visit,
  from: FROM + visit.from + 15 * MINUTE - SECOND,
  until: FROM + visit.until + 15 * MINUTE - SECOND,
}));

/** What the simulator knows of the day. */
export interface Books {
  readonly kwh: number;
  /** Of the first station, `site/s1`. */
  readonly firstKwh: number;
  readonly firstPeakKw: number;
  readonly firstIdleSeconds: number;
  readonly firstInUseHours: number;
  readonly sessions: number;
  readonly ended: number;
  readonly endedKwh: number;
  readonly connectedSeconds: number;
  readonly idleSeconds: number;
  readonly inUseHours: number;
  readonly revenue: number;
  readonly peakKw: number;
  readonly lastKw: number;
  readonly stations: number;
  readonly ports: number;
  readonly rounds: number;
  /** Hours for which a port was limited, and ports were in use, as far as readings say. */
  readonly limitedHours: number;
  readonly seenInUseHours: number;
  readonly commands: number;
  readonly renewals: number;
  readonly readings: number;
}

export interface Day {
  readonly books: Books;
  /** The text of the metrics at each reading, with the time of it, in ms. */
  readonly metrics: readonly (readonly [time: number, text: string])[];
}

/**
 * A day of a garage of three stations: a ChargePoint service by the simulator, over HTTP; a bridge's devices, with PostgreSQL and InfluxDB
 * (layout ev) as stores, its metrics, and its sessions in PostgreSQL. Time is the test's own.
 */
export async function liveThroughDay(postgres: Postgres, influxd: Influxd): Promise<Day> {
  await using stack = new AsyncDisposableStack();
  // What dates answers of the service; timers are those of the clock below.
  vi.useFakeTimers({ toFake: ["Date", "performance"], now: FROM - ROUND });
  stack.defer(() => void vi.useRealTimers());
  const clock = new ManualClock(FROM - ROUND);
  const pass = async (ms: number) => {
    vi.advanceTimersByTime(ms);
    await clock.advance(ms);
  };
  const simulator = await startSimulator({
    ...{ stations: 3, model: "CT4021-GW1", username: "garage", password: "garage-password" },
    ...{ traffic: false, incidents: false, historyHours: 0, clock: { now: () => clock.now() } },
  });
  stack.defer(() => simulator.close());
  const { endpoint, username, password, stationIDs, world } = simulator;
  const connection = {
    ...{ host: "127.0.0.1", port: postgres.port, database: "postgres", user: POSTGRES_USER },
    password: POSTGRES_PASSWORD,
  };
  const site = new Site({
    ...{ endpoint, username, password, stationIDs },
    device: { interval: ROUND / SECOND, registry_config: "config://chargepoint-minimal.csv" },
    driver: { calls_per_minute: 1_000_000 },
    bridge: {
      driver: { driver_scrape_interval: 0 },
      historian: {
        ...{ backend: "postgres", connection },
        also: [{ backend: "influxdb", connection: { url: influxd.url, layout: "ev" } }],
      },
    },
  });
  stack.defer(() => site.remove());
  const log = createLog({ level: "silent" });
  const { settings, devices } = await loadAll({ config: site.config, secrets: new Secrets(), env: {} });
  const bus = new Bus((event, error) => {
    throw new Error(event, { cause: error });
  });
  const archive = await openArchive(settings.historian, settings.data, { log, onNotice: () => {} });
  stack.defer(() => archive.stop());
  const about = { instance: settings.instance, version: "0.0.0" };
  const recorder = new Recorder({
    ...{ bus, sink: archive, settings: settings.historian, log, clock },
    ...about,
  });
  recorder.start();
  stack.defer(() => recorder.stop());
  const state = StateStore.open(":memory:");
  stack.defer(() => state.close());
  const running = openDevices({ devices, settings, bus, log, state, clock });
  stack.defer(() => running.stop());
  const loadKw = () =>
    [...running.byPath.keys()].reduce(
      (sum, path) => sum + Number(running.latest.value(path, "stationLoad")?.value ?? 0),
      0,
    );
  const group = { busy: 0, waiting: 0, outlets: [] };
  const metrics = createMetrics({
    ...about,
    settings: { perPort: true, maxSeries: 10_000 },
    ...{ bus, log, clock, devices: running, archive },
    limits: {
      limits: () => [
        { ...group, group: "garage", maxKw: LIMIT_KW, loadKw: loadKw(), mayDrawKw: LIMIT_KW - 1 },
      ],
    },
    // The broker is not part of this; its counters only have to be there.
    mqtt: {
      connected: true,
      role: { isActive: true },
      counters: { published: 0, dropped: 0, refused: 0 },
      outbox: undefined,
    },
    lifetimeEnergy: (stationID) => energiesOf(world, stationID, clock.now()),
  });
  stack.defer(() => metrics.stop());
  let commands = 0;
  let renewals = 0;
  stack.defer(
    bus.on("write", ({ status, via }) => {
      if (status === undefined) return;
      commands++;
      if (via === "lease") renewals++;
    }),
  );
  let scrapes = 0;
  let readings = 0;
  stack.defer(
    bus.on("scrape", () => {
      scrapes++;
      if (clock.now() >= FROM) readings++;
    }),
  );
  running.start();

  const texts: [number, string][] = [];
  let peakKw = 0;
  let limitedRounds = 0;
  const rounds = (TO - FROM) / ROUND + 1;
  for (let round = 0; round < rounds; round++) {
    // The reading that confirms a limit, or a renewal, answers the next one of other stations too: no vehicle comes then.
    let passed = 30 * SECOND;
    await pass(passed);
    const at = clock.now() + ROUND - passed;
    if (at === LIMIT.from || at === LIMIT.until) {
      const isOn = at === LIMIT.from;
      const [point, value] = isOn ? ["allowedLoad_1", LIMIT.kw] : ["shedState_1", 0];
      const command = { id: `${at}`, requester: "test", via: "test", sentAt: new Date(clock.now()) };
      let status: string | undefined;
      void running.commands.set(LIMIT.device, point!, value!, command).then((result) => {
        status = result.status;
      });
      for (; status === undefined; passed += SECOND) {
        if (passed > ROUND - 3 * SECOND) throw new Error("the command was not answered");
        await pass(SECOND);
        await delay(100);
      }
      expect(status).toBe("confirmed");
    }
    await pass(ROUND - SECOND - passed);
    for (const { station, port, from, until, kw, needKwh } of VISITS) {
      const id = stationIDs[station]!;
      if (until === clock.now()) world.unplug(id, port);
      if (from === clock.now()) world.plugIn(id, port, { kw, needKwh, taperFromKwh: needKwh });
    }
    if (at === LIMIT.until) {
      world.raiseAlarm(stationIDs[1]!, "GFCI Soft Trip", "1");
      const notice = { severity: "warning", kind: "scrape_skipped", text: "an example" } as const;
      bus.emit("notice", { ...notice, at: new Date(clock.now()) });
    }
    scrapes = 0;
    await pass(SECOND);
    // Real time, of which the faked clocks know nothing.
    const since = process.hrtime.bigint();
    while (scrapes < stationIDs.length) {
      if (process.hrtime.bigint() - since > 20_000_000_000n) throw new Error(`round ${round} was not read`);
      await nextTurn();
    }
    if (running.latest.value(LIMIT.device, "shedState_1")?.value === 1) limitedRounds++;
    peakKw = Math.max(peakKw, loadKw());
    texts.push([clock.now(), await metrics.text()]);
  }
  expect(clock.now()).toBe(TO);
  await syncDay({ endpoint, username, password }, clock, connection);
  const books = {
    ...booksOf(world, stationIDs[0]!),
    peakKw,
    lastKw: loadKw(),
    limitedHours: (limitedRounds * ROUND) / HOUR,
    rounds,
    commands,
    renewals,
    readings,
  };
  vi.useRealTimers();
  await eventually(() => {
    const { accepted, delivered, also } = archive.counters;
    expect(accepted).toBeGreaterThan(rounds * stationIDs.length);
    expect(delivered).toBe(accepted);
    expect(also?.influxdb?.delivered).toBe(also?.influxdb?.accepted);
  });
  return { books, metrics: texts };
}

async function syncDay(
  { endpoint, username, password }: { endpoint: string; username: string; password: string },
  clock: ManualClock,
  connection: Record<string, unknown>,
): Promise<void> {
  const client = new ChargePointClient({ endpoint, username, password, retries: 0 });
  const database = await openSessionDatabase({
    ...{ backend: "postgres", dataFolder: "", readonly: false },
    connection: { ...connection, ssl: "disable", schema: "charging", timeout: 10 },
  });
  try {
    const report = await syncSessions({
      ...{ account: { key: "garage", label: "garage", client }, database, kind: "backfill", clock },
      ...{ from: new Date(FROM), personalData: false, payments: true, intervals: false, nameplates: true },
      ...{ announceSince: null, signal: AbortSignal.timeout(60_000) },
    });
    expect(report.problems).toEqual([]);
  } finally {
    await database.close();
    await client.close();
  }
}

function* energiesOf(world: World, stationID: string | undefined, now: number): Iterable<PortEnergy> {
  for (const port of ["1", "2"]) {
    const own = world
      .catchUp()
      .sessions.filter((one) => one.stationID === stationID && one.portNumber === port);
    const energyKwh = own.reduce((sum, session) => sum + session.kwhAt(now), 0);
    yield {
      ...{ stationID: stationID!, port, energyKwh, sessions: own.length },
      at: new Date(now).toISOString(),
    };
  }
}

function booksOf(world: World, first: string) {
  const { sessions } = world.catchUp();
  const sum = (value: (session: Session) => number, of = sessions) =>
    of.reduce((total, session) => total + value(session), 0);
  const connected = (session: Session) => session.durationMsAt(TO) / SECOND;
  const idle = (session: Session) => connected(session) - session.chargingMsAt(TO) / SECOND;
  const kwh = (session: Session) => session.kwhAt(TO);
  const own = sessions.filter(({ stationID }) => stationID === first);
  const ended = sessions.filter(({ endedAt }) => endedAt !== null);
  return {
    ...{ kwh: sum(kwh), sessions: sessions.length, ended: ended.length, endedKwh: sum(kwh, ended) },
    ...{ connectedSeconds: sum(connected, ended), idleSeconds: sum(idle) },
    inUseHours: sum(connected) / 3600,
    ...{
      firstKwh: sum(kwh, own),
      firstIdleSeconds: sum(idle, own),
      firstInUseHours: sum(connected, own) / 3600,
    },
    firstPeakKw: sum(({ visit }) => visit.acceptance.maxKw, own),
    revenue: sum((session) => settlementOf(session, world.findStation(session.stationID)!).revenue, ended),
    seenInUseHours:
      (sum(
        // The one under way counts at the last reading too.
        ({ startedAt, endedAt }) => Math.ceil((endedAt ?? TO + 1) / ROUND) - Math.ceil(startedAt / ROUND),
      ) *
        ROUND) /
      HOUR,
    ...{ stations: 3, ports: 6 },
  };
}

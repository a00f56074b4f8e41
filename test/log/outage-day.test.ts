import { writeFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { Account } from "../../src/drivers/chargepoint/account/account.ts";
import { TransportError } from "../../src/drivers/chargepoint/api/errors.ts";
import { getStations } from "../../src/drivers/chargepoint/api/operations/get-stations.ts";
import { Delivery } from "../../src/historian/delivery/index.ts";
import { HistorianError } from "../../src/historian/errors.ts";
import { createLog, type Log } from "../../src/log/log.ts";
import { Outages, type Recovery } from "../../src/log/outages.ts";
import type { ClientSession } from "../../src/mqtt/broker/client-session.ts";
import { SessionLoop } from "../../src/mqtt/broker/session-loop.ts";
import { rig } from "../devices/rig.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { DoubleBackend } from "../historian/double-backend.ts";
import { MemoryQueue } from "../historian/memory-queue.ts";
import { SETTINGS } from "../historian/settings.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const MIDNIGHT = Date.UTC(2026, 10, 21);
const DEVICES = 40;

/** A session that only lives and ends. */
class Session {
  alive = true;
  readonly ended: Promise<string>;
  #end: (reason: string) => void = () => {};

  constructor() {
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  async end(reason: string): Promise<void> {
    this.alive = false;
    this.#end(reason);
  }
}

/** The bridge's loop of sessions, with a broker that the test takes away. */
class Broker extends SessionLoop<ClientSession> {
  attempts = 0;
  #isAway = false;
  #session: Session | undefined;

  constructor(log: Log, clock: ManualClock) {
    const address = { url: "mqtt://broker.example:1883", protocolVersion: 5 as const };
    super({ address, clientId: "garage", keepaliveSeconds: 60, log, clock });
  }

  away(isAway: boolean): void {
    this.#isAway = isAway;
    if (isAway) void this.#session?.end("the broker closed the connection");
  }

  protected override async open(): Promise<ClientSession> {
    if (this.#isAway) {
      this.attempts++;
      throw new Error("connect ECONNREFUSED 10.0.0.5:1883");
    }
    this.#session = new Session();
    return this.#session as unknown as ClientSession;
  }
  protected override async prepare(): Promise<void> {}
  protected override ready(): void {}
  protected override over(): void {}
  protected override describe(): Recovery {
    return { text: `connected to ${this.url}`, more: "MQTT 5" };
  }
}

test("H8: a day of outages is a short log, in which each has its start, its end and its number of attempts", async () => {
  const clock = new ManualClock(MIDNIGHT);
  const lines: string[] = [];
  const write = (line: string) =>
    void lines.push(`${new Date(clock.now()).toISOString()} ${line.replace(/^\S+ /, "").trimEnd()}`);
  const log = createLog({ write });

  let isDown = false;
  let refused = 0;
  const accountOutages = new Outages({ log: log.part("devices"), clock });
  const account = new Account({
    ...{ label: "license-… at NA", log, notice: () => undefined, outages: accountOutages, clock },
    client: {
      async call() {
        if (!isDown) return {} as never;
        refused++;
        const details = { code: "http-500", sent: true, retryable: true, status: 500 };
        throw new TransportError(
          "getStations",
          "https://webservices.chargepoint.com answered with HTTP 500",
          details,
        );
      },
      close: async () => undefined,
    },
    state: { get: () => null, set: () => undefined },
    ...{ stateKey: "a", callsInFlight: 8, callsPerMinute: 600 },
  });
  const paths = Array.from({ length: DEVICES }, (_, i) => `site/garage/s${String(i).padStart(2, "0")}`);
  const garage = rig({
    ...{ paths, clock, write },
    prepare(device) {
      const { scrapeAll } = device;
      device.scrapeAll = async () => {
        await account.calls.call(getStations, {} as never);
        return await scrapeAll.call(device);
      };
    },
  });
  const broker = new Broker(log.part("mqtt"), clock);
  const backend = new DoubleBackend();
  const store = new Delivery({
    ...{ backend, queue: new MemoryQueue(), settings: { ...SETTINGS, messagePublishCount: 1_000_000 } },
    ...{ log: log.part("historian"), onNotice: () => undefined, clock, random: () => 0.5 },
  });
  garage.bus.on("scrape", ({ device, takenAt }) => {
    const meta = { units: "kW", type: "float", tz: "UTC" } as const;
    const time = takenAt.getTime() * 1000;
    void store.accept([{ topic: `${device.path}/load`, time, value: 7.2, meta }], device.path);
  });
  onTestFinished(async () => {
    const stopped = Promise.all([garage.devices.stop(), broker.stop(), store.stop()]);
    await clock.advance(10_000);
    await stopped;
    accountOutages.stop();
    expect(clock.waiting).toBe(0);
  });

  const station = (i: number) => garage.station(paths[i]!);
  const until = (hour: number) => clock.advance(MIDNIGHT + hour * HOUR - clock.now());
  const brokerAway = async (from: number, to: number) => {
    await until(from);
    broker.attempts = 0;
    broker.away(true);
    await until(to);
    broker.away(false);
    return broker.attempts;
  };
  broker.start();
  store.start();
  garage.devices.start();
  await until(0.5);
  station(39).scrapeError = new Error("no answer from 10.1.0.39 within 10 s");
  const brokerAttempts = [await brokerAway(1, 7)];
  await until(9);
  isDown = true;
  await until(11);
  isDown = false;
  brokerAttempts.push(await brokerAway(12, 12.1));
  await until(14);
  for (let minute = 0; minute < 60; minute++) {
    for (let i = 0; i < 5; i++)
      station(i).scrapeError = minute % 2 === 0 ? new Error("the connection was reset") : undefined;
    await clock.advance(MINUTE);
  }
  await until(17);
  const storeAttempts = backend.attempts.length;
  backend.fail = () => Promise.reject(new HistorianError("retry", "no space left on the store's disk"));
  await until(18);
  const storeFailures = backend.attempts.length - storeAttempts;
  backend.fail = async () => {};
  brokerAttempts.push(await brokerAway(20, 20.75));
  await until(24);

  if (process.env.OUTAGE_DAY_LOG) writeFileSync(process.env.OUTAGE_DAY_LOG, `${lines.join("\n")}\n`);
  const all = lines.join("\n");
  expect(lines.length, all).toBeLessThanOrEqual(45);
  /** The lines with a text, and how many minutes of the day had passed. */
  const said = (text: RegExp) =>
    lines.flatMap((line) =>
      text.test(line) ? [{ line, minute: (Date.parse(line.slice(0, 24)) - MIDNIGHT) / MINUTE }] : [],
    );
  const minutes = (text: RegExp) => said(text).map(({ minute }) => Math.floor(minute));
  const failures = (text: RegExp) => said(text).map(({ line }) => Number(/ failures=(\d+)/.exec(line)![1]));

  // The broker: each start at once, each end with the number of attempts that it refused.
  expect(said(/ lost mqtt/).map(({ minute }) => minute)).toEqual([60, 720, 1200]);
  expect(minutes(/ connected to .* after /)).toEqual([420, 726, 1245]);
  expect(failures(/ connected to .* after /)).toEqual(brokerAttempts);
  // The account, with every call that failed while it was away.
  expect(minutes(/ account .*; retries continue/)).toEqual([541]);
  expect(minutes(/ account .* answers again/)).toEqual([661]);
  expect(failures(/ account .* answers again/)).toEqual([refused]);
  // Its devices: no line for each, and none is left out.
  expect(said(/getStations.*kind=scrape_failed/).length).toBeLessThanOrEqual(3);
  expect(minutes(/ 39 devices are read again .*; 1 still fails/)).toEqual([661]);
  // The device that was away until the end of the day: its start, and at each doubling.
  expect(minutes(/device=site\/garage\/s39/)).toEqual([30, 90, 150, 270, 510, 990]);
  expect(failures(/for 16 h now.*device=site\/garage\/s39/)).toEqual([960]);
  // The five that come and go: 30 outages each, of which none but the first ones has a line.
  const flaps = lines.filter((line) => line >= "2026-11-21T14" && line < "2026-11-21T16:10");
  expect(flaps.length, flaps.join("\n")).toBeLessThanOrEqual(12);
  expect(said(/; unstable: /).map(({ line }) => / count=5 /.test(line))).toEqual([true]);
  expect(failures(/ for an hour now; it was unstable/).reduce((sum, count) => sum + count)).toBe(150);
  // The store.
  expect(said(/ history is not being stored.*disk kind/).map(({ minute }) => Math.floor(minute))).toEqual([
    1020,
  ]);
  expect(minutes(/ history is stored again/)).toEqual([1080]);
  expect(failures(/ history is stored again/)).toEqual([storeFailures]);
}, 60_000);

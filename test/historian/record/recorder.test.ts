import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Bus } from "../../../src/bus.ts";
import type { HistorianSettings } from "../../../src/config/index.ts";
import type { Sample } from "../../../src/historian/contract.ts";
import { Delivery } from "../../../src/historian/delivery/index.ts";
import { HistorianError } from "../../../src/historian/errors.ts";
import type { Loss } from "../../../src/historian/record/losses.ts";
import { Recorder, type RecorderSink } from "../../../src/historian/record/recorder.ts";
import { isOwnTopic } from "../../../src/historian/storable.ts";
import { createLog } from "../../../src/log/log.ts";
import type { DeviceInfo, Point, PointValue, Write } from "../../../src/points/index.ts";
import { ManualClock, settled } from "../../helpers/manual-clock.ts";
import { DoubleBackend } from "../double-backend.ts";
import { MemoryQueue } from "../memory-queue.ts";
import { NOON, SETTINGS } from "../settings.ts";

function point(name: string, type: Point["type"], units = ""): Point {
  return { name, type, units, writable: false, publish: "always", notes: "", extra: {} };
}

const DEVICE: DeviceInfo = {
  path: "pnnl/garage/station-1",
  driverType: "fake",
  points: new Map([
    ["load", point("load", "float", "kW")],
    ["status", point("status", "string")],
    ["heartbeat", point("heartbeat", "integer")],
    ["driverName", { ...point("driverName", "string"), publish: "never" }],
  ]),
  timezone: "Europe/Berlin",
  intervalSeconds: 60,
  publish: { depthFirstAll: true, breadthFirstAll: false, depthFirst: false, breadthFirst: false },
};
const ORIGIN = { register: "StationRegister", attribute: "x" };
const MICROSECONDS = NOON.getTime() * 1000;

describe("recorder", () => {
  let bus: Bus;
  let clock: ManualClock;
  let records: { key: string; samples: readonly Sample[] }[];
  let losses: Loss[];
  let lines: string[];
  let accepting: Promise<boolean>;
  let recorder: Recorder;

  beforeEach(() => {
    lines = [];
    records = [];
    losses = [];
    accepting = Promise.resolve(true);
    clock = new ManualClock(NOON.getTime());
    bus = new Bus((event, error) => {
      throw new Error(`listener of ${event} threw`, { cause: error });
    });
    recorder = start();
  });
  afterEach(async () => {
    await recorder.stop();
    expect(clock.waiting).toBe(0);
  });

  function start(settings: Partial<HistorianSettings> = {}, sink?: RecorderSink): Recorder {
    const made = new Recorder({
      bus,
      sink: sink ?? {
        accept: (samples, key) => {
          records.push({ key, samples: [...samples] });
          return accepting;
        },
        takeLosses: () => losses.splice(0),
      },
      settings: { ...SETTINGS, ...settings },
      instance: "garage",
      version: "1.2.3",
      log: createLog({ write: (line) => lines.push(line) }),
      clock,
    });
    made.start();
    return made;
  }

  async function restart(settings: Partial<HistorianSettings>): Promise<void> {
    await recorder.stop();
    records = [];
    recorder = start(settings);
  }

  function scrape(second: number, values: Record<string, PointValue>, failures: Record<string, string> = {}) {
    bus.emit("scrape", {
      device: DEVICE,
      takenAt: new Date(NOON.getTime() + second * 1000),
      synchronizedAt: NOON,
      values: new Map(Object.entries(values)),
      failures: new Map(Object.entries(failures)),
    });
  }

  function write(of: Partial<Write>): void {
    const source = { id: "w1", requester: "ems", via: "mqtt" };
    const asked = {
      ...source,
      device: DEVICE,
      point: "load",
      action: "set" as const,
      at: NOON,
      requested: 5,
    };
    bus.emit("write", { ...asked, ...of });
  }

  /** What was recorded of the devices. */
  const samples = () => records.flatMap((record) => record.samples).filter(({ topic }) => !isOwnTopic(topic));
  /** What the bridge noted of itself, by the end of its topic. */
  const notes = (end: string) =>
    records
      .flatMap((record) => record.samples)
      .filter(({ topic }) => isOwnTopic(topic) && topic.endsWith(end));

  it("turns a scrape into one record of samples: null is a value, a failure is none, the heartbeat is a point", () => {
    scrape(0.25, { load: 7.2, status: null, heartbeat: 1 }, { shedState: "timeout" });
    const time = MICROSECONDS + 250_000;
    const tz = "Europe/Berlin";
    const path = "pnnl/garage/station-1";
    expect(records.at(-1)).toEqual({
      key: path,
      samples: [
        { topic: `${path}/load`, time, value: 7.2, meta: { units: "kW", type: "float", tz } },
        { topic: `${path}/status`, time, value: null, meta: { units: "", type: "string", tz } },
        { topic: `${path}/heartbeat`, time, value: 1, meta: { units: "", type: "integer", tz } },
      ],
    });
  });

  it("lagSeconds does not grow with the uptime: it is the age of the oldest value that waits", async () => {
    await recorder.stop();
    const backend = new DoubleBackend();
    const log = createLog({ level: "silent" });
    const parts = { queue: new MemoryQueue(), settings: SETTINGS, log, onNotice: () => {}, clock };
    const delivery = new Delivery({ ...parts, backend, random: () => 1 });
    delivery.start();
    recorder = start({}, { accept: (...of) => delivery.accept(...of), takeLosses: () => [] });
    const lags = new Set<number>();
    for (let second = 0; second < 300; second++) {
      await clock.advance(1000);
      lags.add(delivery.counters.lagSeconds);
    }
    expect(Math.max(...lags)).toBeLessThanOrEqual(1);
    backend.fail = () => Promise.reject(new HistorianError("retry", "the store is away"));
    await clock.advance(150_000);
    // The bridge noted that it is alive 30, 90 and 150 seconds ago at most.
    expect(delivery.counters.lagSeconds).toBeGreaterThanOrEqual(90);
    expect(delivery.counters.lagSeconds).toBeLessThanOrEqual(150);
    backend.fail = async () => {};
    await clock.advance(35_000);
    expect(delivery.counters).toMatchObject({ waiting: 0, lagSeconds: 0 });
    await recorder.stop();
    await clock.advance(1000);
    await delivery.stop();
    recorder = start();
  });

  it("C16: a point whose row says Publish never is not stored", () => {
    scrape(0.25, { load: 7.2, driverName: "A. Driver" });
    expect(samples().map(({ value }) => value)).toEqual([7.2]);
  });

  it("B7: topic_replace_list and device_data_filter hold for the bridge's own scrapes", async () => {
    await restart({
      topicReplaceList: [{ from: "PNNL", to: "campus" }],
      deviceDataFilter: { "garage/station": ["load"], office: ["status"] },
    });
    scrape(0, { load: 7.2, status: "x" });
    expect(samples()).toMatchObject([{ topic: "campus/garage/station-1/load", value: 7.2 }]);
    bus.emit("availability", { device: DEVICE, availability: "online", since: NOON });
    expect(notes("/availability")[0]?.topic).toBe(
      "_voltbridge/garage/devices/campus/garage/station-1/availability",
    );
  });

  it("E22: question and answer of a write have one key; writes of the same millisecond have their own", () => {
    for (const id of ["a", "b"]) write({ id });
    for (const id of ["b", "a"]) write({ id, status: "confirmed", readBack: 5, tookMs: 120, code: "100" });
    write({ id: "d", point: undefined, action: "revert", requested: null });
    const written = new Map(samples().map(({ topic, time, value }) => [`${topic} ${time}`, value]));
    const topic = "actuators/write/pnnl/garage/station-1";
    expect([...written.keys()]).toEqual([
      `${topic}/load ${MICROSECONDS}`,
      `${topic}/load ${MICROSECONDS + 1}`,
      `${topic} ${MICROSECONDS}`,
    ]);
    expect(written.get(`${topic}/load ${MICROSECONDS}`)).toEqual({
      id: "a",
      requester: "ems",
      via: "mqtt",
      action: "set",
      requested: 5,
      status: "confirmed",
      readBack: 5,
      tookMs: 120,
      code: "100",
    });
  });

  it("E22: a rejection with the id of a write in progress has its own key and does not change that write", () => {
    write({});
    const refused = { status: "refused", at: new Date(NOON.getTime() + 50) } as const;
    write({ ...refused, requested: 6, error: "DuplicateIdError" });
    write({ ...refused, requested: 7, requester: "other", error: "ScheduleError" });
    write({ at: new Date(NOON.getTime() + 90), status: "confirmed" });
    const written = new Map(samples().map(({ time, value }) => [time, value]));
    expect([...written].map(([time, value]) => [time - MICROSECONDS, value])).toEqual([
      [0, expect.objectContaining({ requested: 5, status: "confirmed" })],
      [50_000, expect.objectContaining({ requested: 6, error: "DuplicateIdError" })],
      [50_001, expect.objectContaining({ requested: 7, requester: "other", error: "ScheduleError" })],
    ]);
  });

  it("B14: after the clock was set back, both values of a time are kept, and this is reported once", () => {
    const seconds = [0, 60, 120, 60, 120, 60, 180, 180, 240];
    for (const [value, second] of seconds.entries()) scrape(second, { load: value });
    const times = samples().map(({ time }) => (time - MICROSECONDS) / 1e6);
    expect(times).toEqual([0, 60, 120, 60.000001, 120.000001, 60.000002, 180, 180.000001, 240]);
    expect(new Set(times).size).toBe(seconds.length);
    expect(lines.filter((line) => line.includes("the clock was set back"))).toHaveLength(1);
  });

  it("sync_timestamp: values have the aligned time of their scrape, and scrapes of one time stay two", async () => {
    await restart({ syncTimestamp: true });
    scrape(3.2, { load: 1 });
    scrape(8.7, { load: 2 });
    expect(samples().map(({ time, value }) => [time - MICROSECONDS, value])).toEqual([
      [0, 1],
      [1, 2],
    ]);
    expect(lines.join("")).not.toContain("the clock was set back");
  });

  describe("values stored on change", () => {
    const points = new Map([
      ["load", { ...point("load", "float", "kW"), deadband: 0.5, store: "change" as const }],
      ["serial", { ...point("serial", "string"), origin: { ...ORIGIN, nameplate: true as const } }],
      ["rights", { ...point("rights", "dictionary"), store: "change" as const }],
      ["status", { ...point("status", "string"), origin: ORIGIN }],
    ]);
    let device: DeviceInfo;
    beforeEach(() => {
      device = { ...DEVICE, points };
    });
    const minute = (at: number, values: Record<string, PointValue>) => {
      records = [];
      const takenAt = new Date(NOON.getTime() + at * 60_000);
      const entries = new Map(Object.entries(values));
      bus.emit("scrape", { device, takenAt, synchronizedAt: takenAt, values: entries, failures: new Map() });
      return Object.fromEntries(samples().map(({ topic, value }) => [topic.split("/").at(-1), value]));
    };

    it("a row's setting, else the device's, else nameplate points only; Deadband counts, null is a value", () => {
      const all = { load: 7, serial: "A1", rights: { a: [1] }, status: "INUSE" };
      expect(minute(1, all)).toEqual(all);
      expect(minute(2, { ...all, rights: { a: [1] } })).toEqual({ status: "INUSE" });
      expect(minute(3, { ...all, load: 7.4, serial: null })).toEqual({ status: "INUSE", serial: null });
      expect(minute(4, { ...all, load: 7.5, serial: null })).toEqual({ status: "INUSE", load: 7.5 });
      device = { ...device, store: "change" };
      expect(minute(5, all)).toEqual(all);
      expect(minute(6, all)).toEqual({});
      device = { ...device, store: "always" };
      expect(minute(7, all)).toEqual(all);
      expect(minute(8, all)).toEqual({ serial: "A1", status: "INUSE" });
    });

    it("the first value of every hour is stored, of each point; a failed read hides no change", () => {
      expect(minute(58, { load: 7, serial: "A1" })).toEqual({ load: 7, serial: "A1" });
      expect(minute(59, { load: 7 })).toEqual({});
      expect(minute(60, { load: 7 })).toEqual({ load: 7 });
      expect(minute(61, { load: 7, serial: "A1" })).toEqual({ serial: "A1" });
      expect(minute(62, { serial: "A1" })).toEqual({});
      expect(minute(63, { load: 8, serial: "A1" })).toEqual({ load: 8 });
    });

    it("a scrape of which nothing is stored leaves a note, for the report of gaps", () => {
      minute(1, { load: 7, serial: "A1" });
      expect(notes("/unchanged")).toEqual([]);
      minute(2, { load: 7, serial: "A1" });
      const meta = { units: "", type: "integer", tz: "UTC" };
      const topic = "_voltbridge/garage/devices/pnnl/garage/station-1/unchanged";
      expect(notes("/unchanged")).toEqual([{ topic, time: MICROSECONDS + 120e6, value: 2, meta }]);
      minute(3, {});
      expect(notes("/unchanged")).toEqual([]);
    });

    it("A17: what found no room on disk is stored with the next scrape, as after a reload and a restart", async () => {
      accepting = Promise.resolve(false);
      minute(1, { load: 7 });
      await settled();
      accepting = Promise.resolve(true);
      expect(minute(2, { load: 7 })).toEqual({ load: 7 });
      await settled();
      expect(minute(3, { load: 7 })).toEqual({});
      device = { ...device, points: new Map(points) };
      expect(minute(4, { load: 7 })).toEqual({ load: 7 });
      await restart({});
      expect(minute(5, { load: 7 })).toEqual({ load: 7 });
    });
  });

  it("B15: notes each run, losses, and changes of availability", async () => {
    const run = { version: "1.2.3", until: NOON.toISOString(), ended: false };
    expect(notes("garage/run")).toMatchObject([{ time: MICROSECONDS, value: run }]);
    losses.push({ reason: "limit", values: 12, from: NOON.getTime() - 5000, to: NOON.getTime() });
    bus.emit("availability", { device: DEVICE, availability: "offline", since: NOON, reason: "timeout" });
    bus.emit("notice", {
      severity: "warning",
      kind: "scrape_skipped",
      text: "it is slow",
      at: NOON,
      device: DEVICE.path,
    });
    bus.emit("notice", { severity: "warning", kind: "else", text: "", at: NOON, device: DEVICE.path });
    await clock.advance(60_000);
    await recorder.stop();
    const minute = "2026-11-21T12:01:00.000Z";
    expect(notes("garage/run").slice(1)).toMatchObject([
      { time: MICROSECONDS, value: { until: minute, ended: false } },
      { time: MICROSECONDS, value: { until: minute, ended: true } },
    ]);
    expect(notes("garage/loss").map(({ value }) => value)).toEqual([
      { reason: "limit", values: 12, from: "2026-11-21T11:59:55.000Z", to: "2026-11-21T12:00:00.000Z" },
    ]);
    expect(notes("/availability")).toMatchObject([
      { time: MICROSECONDS, value: { availability: "offline", reason: "timeout", interval: 60 } },
    ]);
    expect(notes("/skipped")).toMatchObject([
      { topic: "_voltbridge/garage/devices/pnnl/garage/station-1/skipped", value: "it is slow" },
    ]);
  });

  it("with capture_device_data off it keeps the audit and what the bridge notes of itself", async () => {
    await restart({ captureDeviceData: false });
    scrape(0, { load: 1 });
    bus.emit("availability", { device: DEVICE, availability: "online", since: NOON });
    write({});
    expect(samples()).toHaveLength(1);
    expect(notes("")).toHaveLength(1);
  });

  it("stop unsubscribes and waits for the disk, but not for long", async () => {
    const disk = Promise.withResolvers<boolean>();
    accepting = disk.promise;
    scrape(0, { load: 1 });
    let stopped = false;
    const stopping = recorder.stop().then(() => {
      stopped = true;
    });
    scrape(1, { load: 2 });
    expect(samples()).toHaveLength(1);
    await settled();
    expect(stopped).toBe(false);
    await clock.advance(2000);
    await stopping;
    disk.resolve(true);
  });

  it("a value that cannot be recorded does not affect others", async () => {
    accepting = Promise.reject(new TypeError("function is no value"));
    scrape(0, { load: 1 });
    await settled();
    expect(lines.join("")).toContain("function is no value");
    accepting = Promise.resolve(true);
    scrape(1, { load: 2 });
    expect(samples()).toHaveLength(2);
  });

  it("D4: values read while the clock is not set are not stored, and this is reported; the audit is stored", async () => {
    const in1970 = (seconds: number) => seconds - NOON.getTime() / 1000;
    for (const seconds of [17, 18]) scrape(in1970(seconds), { load: 1, status: null });
    expect(samples()).toEqual([]);
    write({ at: new Date(19_000) });
    expect(samples().map(({ topic }) => topic)).toEqual(["actuators/write/pnnl/garage/station-1/load"]);
    expect(lines.filter((line) => line.includes("the clock of this machine is not set"))).toHaveLength(1);
    scrape(1, { load: 2 });
    expect(samples().at(-1)).toMatchObject({ value: 2, time: MICROSECONDS + 1_000_000 });
    expect(lines.at(-1)).toContain("values are stored from now on; 4 earlier values were not");
  });

  it("D4: the time before the clock was set is no time in which the bridge ran", async () => {
    await recorder.stop();
    records = [];
    clock = new ManualClock(17_000);
    recorder = start();
    bus.emit("availability", { device: DEVICE, availability: "online", since: new Date(clock.now()) });
    scrape(17 - NOON.getTime() / 1000, { load: 1 });
    await clock.advance(60_000);
    expect(records).toEqual([]);
    clock.set(NOON.getTime());
    scrape(0, { load: 1 });
    expect(notes("garage/run").map(({ time }) => time)).toEqual([MICROSECONDS]);
  });
});

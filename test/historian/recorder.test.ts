import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Bus, type Notice } from "../../src/bus.ts";
import type { HistorianBackend, Row, Sample, Topic } from "../../src/historian/contract.ts";
import { HistorianError } from "../../src/historian/errors.ts";
import { type Clock, Recorder, type RecorderOptions } from "../../src/historian/recorder.ts";
import { createLog } from "../../src/log.ts";
import type { DeviceInfo, Point, PointValue, Write } from "../../src/points/index.ts";
import { SETTINGS as DEFAULTS } from "./settings.ts";

const SETTINGS = { ...DEFAULTS, submitSizeLimit: 10 };
const NOON = new Date("2026-11-21T12:00:00Z");

/** A clock that stands still until the test moves it. */
class HandClock implements Clock {
  #time = NOON.getTime();
  readonly #timers = new Set<{ at: number; run: () => void }>();

  now(): Date {
    return new Date(this.#time);
  }

  after(milliseconds: number, run: () => void): () => void {
    const timer = { at: this.#time + milliseconds, run };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Moves on, timer by timer, and lets what they started run. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#time + milliseconds;
    await settle();
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.#timers.delete(next);
      this.#time = next.at;
      next.run();
      await settle();
    }
    this.#time = end;
  }

  get pending(): number {
    return this.#timers.size;
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A store in memory that fails as told. */
class DoubleBackend implements HistorianBackend {
  readonly batches: Sample[][] = [];
  readonly stored = new Map<string, PointValue>();
  attempts = 0;
  fail: (samples: readonly Sample[], signal?: AbortSignal) => Promise<void> = async () => {};

  async open(): Promise<void> {}
  async write(samples: readonly Sample[], signal?: AbortSignal): Promise<void> {
    this.attempts += 1;
    await this.fail(samples, signal);
    this.batches.push([...samples]);
    for (const { topic, time, value } of samples) this.stored.set(`${topic} ${time}`, value);
  }
  async topics(): Promise<readonly Topic[]> {
    return [];
  }
  async read(): Promise<readonly Row[]> {
    return [];
  }
  async close(): Promise<void> {}
}

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

describe("recorder", () => {
  let bus: Bus;
  let clock: HandClock;
  let backend: DoubleBackend;
  let notices: Notice[];
  let lines: string[];
  let recorder: Recorder;

  beforeEach(() => {
    lines = [];
    notices = [];
    clock = new HandClock();
    backend = new DoubleBackend();
    bus = new Bus((event, error) => {
      throw new Error(`listener of ${event} threw`, { cause: error });
    });
    bus.on("notice", (notice) => notices.push(notice));
    recorder = start();
  });
  afterEach(async () => {
    backend.fail = async () => {};
    await recorder.stop();
    expect(clock.pending).toBe(0);
    const { accepted, written, waiting, dropped, rejected } = recorder.counters;
    expect(accepted).toBe(written + waiting + dropped + rejected);
  });

  function start(options: Partial<RecorderOptions> = {}): Recorder {
    const log = createLog({ write: (line) => lines.push(line) });
    const made = new Recorder({ bus, backend, settings: SETTINGS, log, clock, random: () => 1, ...options });
    made.start();
    return made;
  }

  async function restart(options: Partial<RecorderOptions>): Promise<void> {
    await recorder.stop();
    recorder = start(options);
  }

  function scrape(
    second: number,
    values: Record<string, PointValue>,
    failures: Record<string, string> = {},
  ): void {
    const takenAt = new Date(NOON.getTime() + second * 1000);
    bus.emit("scrape", {
      device: DEVICE,
      takenAt,
      synchronizedAt: NOON,
      values: new Map(Object.entries(values)),
      failures: new Map(Object.entries(failures)),
    });
  }

  function write(of: Partial<Write>): void {
    const source = { id: "w1", requester: "ems", via: "mqtt" };
    bus.emit("write", {
      ...source,
      device: DEVICE,
      point: "load",
      action: "set",
      at: NOON,
      requested: 5,
      ...of,
    });
  }

  const kinds = (): string[] => notices.map(({ kind }) => kind);

  it("turns a scrape into samples: null is a value, a failure is none, the heartbeat is a point", async () => {
    scrape(0.25, { load: 7.2, status: null, heartbeat: 1 }, { shedState: "timeout" });
    await clock.advance(1000);
    const time = NOON.getTime() * 1000 + 250_000;
    const tz = "Europe/Berlin";
    expect(backend.batches).toEqual([
      [
        { topic: "pnnl/garage/station-1/load", time, value: 7.2, meta: { units: "kW", type: "float", tz } },
        { topic: "pnnl/garage/station-1/status", time, value: null, meta: { units: "", type: "string", tz } },
        {
          topic: "pnnl/garage/station-1/heartbeat",
          time,
          value: 1,
          meta: { units: "", type: "integer", tz },
        },
      ],
    ]);
    expect(recorder.counters).toEqual({ accepted: 3, written: 3, waiting: 0, dropped: 0, rejected: 0 });
  });

  it("C16: a point whose row says Publish never is not stored", async () => {
    scrape(0.25, { load: 7.2, driverName: "A. Driver" });
    await clock.advance(1000);
    expect([...backend.stored.values()]).toEqual([7.2]);
  });

  it("batches by time and by count", async () => {
    for (let i = 0; i < 4; i++) scrape(i, { load: i });
    await clock.advance(999);
    expect(backend.batches).toHaveLength(0);
    await clock.advance(1);
    expect(backend.batches.map((batch) => batch.length)).toEqual([4]);
    for (let i = 0; i < 25; i++) scrape(10 + i, { load: i });
    await settle();
    expect(backend.batches.map((batch) => batch.length)).toEqual([4, 10, 10, 5]);
  });

  it("E22: a write is one audit sample that its answer replaces", async () => {
    write({});
    await clock.advance(1000);
    write({ status: "confirmed", readBack: 5, tookMs: 120, code: "100" });
    await clock.advance(1000);
    const [asked, answered] = backend.batches.flat();
    expect(asked).toMatchObject({
      topic: "actuators/write/pnnl/garage/station-1/load",
      meta: { type: "dictionary" },
    });
    expect(asked?.value).toEqual({ id: "w1", requester: "ems", via: "mqtt", action: "set", requested: 5 });
    expect(answered?.value).toEqual({
      ...(asked?.value as object),
      status: "confirmed",
      readBack: 5,
      tookMs: 120,
      code: "100",
    });
    expect(backend.stored.size).toBe(1);
  });

  it("E22: writes of one point in the same millisecond are all kept", async () => {
    for (const id of ["a", "b", "c"]) write({ id });
    for (const id of ["c", "a", "b"]) write({ id, status: "refused" });
    write({ id: "d", point: undefined, action: "revert", requested: null });
    await clock.advance(1000);
    expect([...backend.stored.keys()]).toHaveLength(4);
    expect([...backend.stored].map(([, value]) => (value as { id: string }).id)).toEqual([
      "a",
      "b",
      "c",
      "d",
    ]);
    expect([...backend.stored.keys()].at(-1)).toMatch(/^actuators\/write\/pnnl\/garage\/station-1 \d+$/);
  });

  it("A14: keeps a batch until it is stored, in order, trying again sooner and then slower up to 30 s", async () => {
    const failure = new HistorianError("retry", "the disk is full; make room");
    backend.fail = () => Promise.reject(failure);
    const attempts: number[] = [];
    scrape(0, { load: 1 });
    for (let second = 0; second < 120; second++) {
      await clock.advance(1000);
      attempts.push(backend.attempts);
      if (second < 50) scrape(second, { heartbeat: second });
    }
    // At 1 s, then after 1, 2, 4, 8, 16, 30, 30 s.
    const changes = attempts.flatMap((count, i) => (count === attempts[i - 1] ? [] : [i + 1]));
    expect(changes).toEqual([1, 2, 4, 8, 16, 32, 62, 92]);
    expect(recorder.counters).toMatchObject({ written: 0, waiting: 51 });
    backend.fail = async () => {};
    await clock.advance(30_000);
    expect(recorder.counters).toMatchObject({ accepted: 51, written: 51, waiting: 0 });
    expect(backend.batches[0]?.[0]).toMatchObject({ topic: "pnnl/garage/station-1/load" });
    expect(
      backend.batches
        .flat()
        .slice(1)
        .map(({ value }) => value),
    ).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(kinds()).toEqual(["historian_failing", "historian_recovered"]);
    expect(notices[0]?.text).toContain("the disk is full; make room");
    expect(lines).toHaveLength(2);
  });

  it("retry_period bounds the pause from above", async () => {
    await restart({ settings: { ...SETTINGS, retryPeriodSeconds: 3 } });
    backend.fail = () => Promise.reject(new HistorianError("retry", "away"));
    scrape(0, { load: 1 });
    await clock.advance(1000 + 1000 + 2000 + 3000 + 3000);
    expect(backend.attempts).toBe(5);
  });

  it("A9: a store that never answers is left after its deadline", async () => {
    backend.fail = () => new Promise(() => {});
    scrape(0, { load: 1 });
    await clock.advance(1000 + 29_999);
    expect(notices).toEqual([]);
    await clock.advance(1);
    expect(notices[0]?.text).toContain("did not answer in time (max_time_publishing is 30 s)");
    backend.fail = async () => {};
    await clock.advance(1000);
    expect(recorder.counters).toMatchObject({ written: 1, waiting: 0 });
  });

  it("A10: bad samples are split out, counted and told once per topic; the others are stored", async () => {
    backend.fail = async (samples) => {
      const bad = samples.flatMap(({ value }, i) =>
        value === "bad" ? [[i, "its value is bad"] as const] : [],
      );
      if (bad.length > 0) throw new HistorianError("reject", "some are bad", { rejected: new Map(bad) });
    };
    scrape(0, { load: 1, status: "bad", heartbeat: 1 });
    scrape(1, { load: "bad", status: "bad", heartbeat: 0 });
    await clock.advance(1000);
    expect(recorder.counters).toEqual({ accepted: 6, written: 3, waiting: 0, dropped: 0, rejected: 3 });
    expect(kinds()).toEqual(["historian_rejected", "historian_rejected"]);
    expect(notices[0]?.text).toContain('"pnnl/garage/station-1/status" at 2026-11-21T12:00:00.000000+00:00');
  });

  it("A11: a rejection that names no sample of the batch is tried again like any failure", async () => {
    const rejected = new Map([[99, "out of nowhere"]]);
    backend.fail = () => Promise.reject(new HistorianError("reject", "something is bad", { rejected }));
    scrape(0, { load: 1 });
    await clock.advance(2000);
    expect(backend.attempts).toBe(2);
    expect(recorder.counters).toMatchObject({ waiting: 1, rejected: 0 });
  });

  it("a failure that only a person can mend is an error, and is tried again at the slowest pace", async () => {
    backend.fail = () => Promise.reject(new HistorianError("give_up", "made by a newer voltbridge"));
    scrape(0, { load: 1 });
    await clock.advance(30_000);
    expect(backend.attempts).toBe(1);
    await clock.advance(1000);
    expect(backend.attempts).toBe(2);
    expect(notices).toMatchObject([{ severity: "error", kind: "historian_failing" }]);
  });

  it("A15: a full buffer drops the oldest, counts them, and says which time was lost", async () => {
    await restart({ bufferLimit: 20 });
    backend.fail = () => Promise.reject(new HistorianError("retry", "away"));
    scrape(0, { load: 0 });
    await clock.advance(1000);
    for (let i = 1; i <= 30; i++) scrape(i, { load: i });
    expect(recorder.counters).toEqual({ accepted: 31, written: 0, waiting: 21, dropped: 10, rejected: 0 });
    backend.fail = async () => {};
    await clock.advance(30_000);
    expect(backend.batches.flat().map(({ value }) => value)).toEqual([
      0,
      ...Array.from({ length: 20 }, (_, i) => i + 11),
    ]);
    expect(kinds()).toEqual([
      "historian_failing",
      "historian_dropped",
      "historian_recovered",
      "historian_dropped",
    ]);
    expect(notices.at(-1)?.text).toBe(
      "10 values from 2026-11-21T12:00:01.000000+00:00 to 2026-11-21T12:00:10.000000+00:00 were lost",
    );
  });

  it("stop writes what waits and hears nothing more", async () => {
    for (let i = 0; i < 25; i++) scrape(i, { load: i });
    scrape(30, { load: 30 });
    await recorder.stop();
    scrape(31, { load: 31 });
    expect(recorder.counters).toMatchObject({ accepted: 26, written: 26, waiting: 0 });
  });

  it("A21: stop ends soon though the store hangs, and counts what was lost", async () => {
    backend.fail = () => new Promise(() => {});
    scrape(0, { load: 1 });
    await clock.advance(1000);
    const stopped = recorder.stop();
    await clock.advance(5000);
    await stopped;
    expect(recorder.counters).toEqual({ accepted: 1, written: 0, waiting: 0, dropped: 1, rejected: 0 });
    expect(notices.at(-1)).toMatchObject({
      kind: "historian_dropped",
      text: expect.stringMatching(/^1 values? from/),
    });
  });

  it("stop ends a pause between tries with one last try", async () => {
    backend.fail = () => Promise.reject(new HistorianError("retry", "away"));
    scrape(0, { load: 1 });
    await clock.advance(1000);
    backend.fail = async () => {};
    await recorder.stop();
    expect(recorder.counters).toMatchObject({ written: 1, dropped: 0 });
  });

  it("with capture_device_data off it keeps only the audit, and readonly nothing", async () => {
    await restart({ settings: { ...SETTINGS, captureDeviceData: false } });
    scrape(0, { load: 1 });
    write({});
    expect(recorder.counters.accepted).toBe(1);
    await restart({ settings: { ...SETTINGS, readonly: true } });
    write({});
    scrape(0, { load: 1 });
    expect(recorder.counters.accepted).toBe(0);
  });

  it("tells at its start that the store cannot be opened", async () => {
    await recorder.stop();
    backend.open = () => Promise.reject(new HistorianError("give_up", "made by a newer voltbridge"));
    recorder = start();
    await settle();
    expect(notices).toMatchObject([{ severity: "error", kind: "historian_failing" }]);
  });
});

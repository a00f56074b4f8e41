import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Notice } from "../../../src/bus.ts";
import type { Sample } from "../../../src/historian/contract.ts";
import { Delivery, type DeliveryOptions } from "../../../src/historian/delivery/index.ts";
import { HistorianError } from "../../../src/historian/errors.ts";
import { createLog } from "../../../src/log/log.ts";
import { ManualClock, settled } from "../../helpers/manual-clock.ts";
import { DoubleBackend } from "../double-backend.ts";
import { MemoryQueue } from "../memory-queue.ts";
import { SETTINGS as DEFAULTS, NOON } from "../settings.ts";

const SETTINGS = { ...DEFAULTS, submitSizeLimit: 10 };
const AWAY = new HistorianError("retry", "the store is away; start it");

function sample(second: number, value: Sample["value"] = second, topic = "site/s1/load"): Sample {
  const meta = { units: "kW", type: "float", tz: "UTC" } as const;
  return { topic, time: (NOON.getTime() + second * 1000) * 1000, value, meta };
}

const range = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i);

describe("delivery", () => {
  let clock: ManualClock;
  let queue: MemoryQueue;
  let backend: DoubleBackend;
  let notices: Notice[];
  let lines: string[];
  let delivery: Delivery;

  beforeEach(() => {
    clock = new ManualClock(NOON.getTime());
    queue = new MemoryQueue();
    backend = new DoubleBackend();
    notices = [];
    lines = [];
    delivery = start();
  });
  afterEach(async () => {
    backend.fail = async () => {};
    await stop();
    expect(clock.waiting).toBe(0);
    const { accepted, delivered, waiting, dropped, deadLettered } = delivery.counters;
    const sum = (counts: Readonly<Record<string, number>>) =>
      Object.values(counts).reduce((all, count) => all + count, 0);
    expect(accepted).toBe(delivered + waiting + sum(dropped) + sum(deadLettered));
  });

  function start(options: Partial<DeliveryOptions> = {}): Delivery {
    const log = createLog({ write: (line) => lines.push(line) });
    const onNotice = (notice: Notice) => notices.push(notice);
    const parts = { backend, queue, settings: SETTINGS, log, onNotice, clock, random: () => 1 };
    const made = new Delivery({ ...parts, ...options });
    made.start();
    return made;
  }

  async function stop(): Promise<void> {
    const stopped = delivery.stop();
    await clock.advance(5000);
    await stopped;
  }

  async function restart(options: Partial<DeliveryOptions> = {}): Promise<void> {
    await stop();
    delivery = start(options);
    await settled();
  }

  const accept = (...samples: Sample[]) => delivery.accept(samples, "site/s1");
  const kinds = (): string[] => notices.map(({ kind }) => kind);
  const values = () => backend.batches.flat().map(({ value }) => value);
  const sizes = () => backend.batches.map((batch) => batch.length);

  it("returns whether samples are on disk or were dropped for lack of space", async () => {
    expect(await accept(sample(1))).toBe(true);
    expect(queue.latest.waiting).toBe(1);
    queue.full = true;
    expect(await accept(sample(2), sample(3))).toBe(false);
    expect(delivery.counters).toMatchObject({ accepted: 3, waiting: 1, dropped: { disk: 2 } });
    expect(await accept()).toBe(true);
  });

  it("batches by time and by count, across records and within them", async () => {
    for (const second of range(4)) await accept(sample(second));
    await clock.advance(999);
    expect(sizes()).toEqual([]);
    await clock.advance(1);
    expect(sizes()).toEqual([4]);
    await accept(...range(25, 10).map((second) => sample(second)));
    await settled();
    expect(sizes()).toEqual([4, 10, 10, 5]);
    expect(values()).toEqual([...range(4), ...range(25, 10)]);
    expect(delivery.counters).toMatchObject({ accepted: 29, delivered: 29, waiting: 0, lagSeconds: 0 });
  });

  it("delivers exactly what was accepted", async () => {
    const meta = { units: "", type: "string", tz: "Europe/Berlin" } as const;
    const samples: Sample[] = [
      sample(0, 7.25),
      sample(0, null, "site/s1/status"),
      { ...sample(0, { a: [1, "x", null] }, "site/s1/all"), meta },
      sample(1, "−x\n\u0000😀", "other"),
      sample(2, "NaN"),
      { ...sample(3, true, "/a"), time: -1 },
      sample(4, 0.1 + 0.2, "a/"),
      sample(5, 1, "a/\ud800"),
    ];
    await accept(...samples);
    await accept(sample(6, Number.NaN), sample(7, Number.NEGATIVE_INFINITY));
    await clock.advance(1000);
    expect(backend.batches).toEqual([[...samples, sample(6, "NaN"), sample(7, "-Infinity")]]);
  });

  it("A13, A14: nothing leaves the disk unconfirmed; the pauses between attempts grow to 20 s", async () => {
    backend.fail = () => Promise.reject(AWAY);
    await accept(sample(1));
    const attempts: number[] = [];
    for (let second = 0; second < 100; second++) {
      await clock.advance(1000);
      attempts.push(backend.attempts.length);
      if (second < 50) await accept(sample(-second));
    }
    // At 1 s, then after 1, 2, 4, 8, 16, 20, 20 s.
    const changes = attempts.flatMap((count, i) => (count === attempts[i - 1] ? [] : [i + 1]));
    expect(changes).toEqual([1, 2, 4, 8, 16, 32, 52, 72, 92]);
    expect(delivery.counters).toMatchObject({
      delivered: 0,
      waiting: 51,
      failing: { since: "2026-11-21T12:00:01.000Z", error: AWAY.message },
    });
    expect(await queue.read({ count: 100 })).toHaveLength(51);
    backend.fail = async () => {};
    await clock.advance(20_000);
    expect(delivery.counters).toMatchObject({ accepted: 51, delivered: 51, waiting: 0 });
    expect(delivery.counters.failing).toBeUndefined();
    expect(new Set(values())).toEqual(new Set([1, ...range(50).map((second) => -second)]));
    expect(kinds()).toEqual(["historian_failing", "historian_recovered"]);
    expect(notices[0]?.text).toContain(AWAY.message);
    expect(lines).toHaveLength(2);
  });

  it("A14: a store that does not respond for 30 s and then crashes has confirmed nothing", async () => {
    await restart({ settings: { ...SETTINGS, maxTimePublishingSeconds: 30 } });
    backend.fail = () => new Promise(() => {});
    await accept(...range(25).map((second) => sample(second)));
    await clock.advance(30_000);
    backend.fail = () => Promise.reject(AWAY);
    await clock.advance(30_000);
    expect(delivery.counters).toMatchObject({ accepted: 25, delivered: 0, waiting: 25 });
    backend.fail = async () => {};
    await restart();
    expect(delivery.counters).toMatchObject({ accepted: 25, delivered: 25 });
    expect(backend.stored.size).toBe(25);
  });

  it("retry_period bounds the pause from above", async () => {
    await restart({ settings: { ...SETTINGS, retryPeriodSeconds: 3 } });
    backend.fail = () => Promise.reject(AWAY);
    await accept(sample(0));
    await clock.advance(1000 + 1000 + 2000 + 3000 + 3000);
    expect(backend.attempts).toHaveLength(5);
  });

  it("A9, A28: a call that is never answered is given up after 10 s, and a store that is back is used within 30 s", async () => {
    backend.fail = () => new Promise(() => {});
    await accept(sample(0));
    await clock.advance(1000 + 9999);
    expect(notices).toEqual([]);
    await clock.advance(1);
    expect(notices[0]?.text).toContain("the store did not answer within 10 s");
    await clock.advance(600_000);
    // The worst moment: a call has just begun that will never be answered.
    const tries = backend.attempts.length;
    while (backend.attempts.length === tries) await clock.advance(100);
    backend.fail = async () => {};
    await clock.advance(30_000);
    expect(delivery.counters).toMatchObject({ delivered: 1, waiting: 0 });
  });

  it("A9: max_time_publishing shortens the deadline, and the call is aborted", async () => {
    await restart({ settings: { ...SETTINGS, maxTimePublishingSeconds: 2 } });
    let told: AbortSignal | undefined;
    backend.fail = (_, signal) => new Promise(() => (told = signal));
    await accept(sample(0));
    await clock.advance(1000 + 1999);
    expect(told?.aborted).toBe(false);
    await clock.advance(1);
    expect(told?.aborted).toBe(true);
  });

  it("A9: batches that time out are made smaller", async () => {
    backend.fail = (samples) => (samples.length > 3 ? new Promise(() => {}) : Promise.resolve());
    await accept(...range(100).map((second) => sample(second)));
    await clock.advance(200_000);
    expect(delivery.counters).toMatchObject({ delivered: 100, waiting: 0, deadLettered: {} });
  });

  describe("A10", () => {
    const isBad = ({ value }: Sample) => String(value).startsWith("bad");

    it("samples that the store names become dead letters at once with their own reasons, all others are stored", async () => {
      await restart({ settings: { ...SETTINGS, submitSizeLimit: 1000 } });
      backend.fail = async (samples) => {
        const bad = samples.flatMap((s, i) => (isBad(s) ? [[i, `${s.value} is no number`] as const] : []));
        if (bad.length > 0) throw new HistorianError("reject", "some are bad", { rejected: new Map(bad) });
      };
      const samples = range(1000).map((i) => sample(i, [500, 700, 702].includes(i) ? `bad ${i}` : i));
      await accept(...samples);
      await settled();
      expect(backend.stored.size).toBe(997);
      expect(backend.attempts).toHaveLength(2);
      expect(delivery.counters).toMatchObject({ accepted: 1000, delivered: 997, waiting: 0 });
      expect(delivery.counters.deadLettered).toEqual({ rejected: 3 });
      const letters = await queue.deadLetters();
      expect(letters.map(({ detail }) => detail)).toEqual(
        [500, 700, 702].map((i) => `bad ${i} is no number`),
      );
      expect(letters[0]).toMatchObject({
        key: "site/s1/load",
        time: samples[500]!.time / 1000,
        reason: "rejected",
        text: expect.stringContaining('"bad 500"'),
      });
      expect(kinds()).toEqual(["historian_rejected"]);
      expect(notices[0]?.text).toContain('"site/s1/load" at 2026-11-21T12:08:20.000000+00:00');
    });

    it("A11: if the store does not name the bad samples, the batch is split until they are alone, each after at most 5 attempts", async () => {
      await restart({ settings: { ...SETTINGS, submitSizeLimit: 1000 } });
      backend.fail = async (samples) => {
        if (samples.some(isBad)) throw new HistorianError("reject", "something is bad");
      };
      await accept(...range(3000).map((i) => sample(i, [0, 1500, 1501].includes(i) ? `bad ${i}` : i)));
      await settled();
      expect(delivery.counters).toMatchObject({ delivered: 2997, deadLettered: { rejected: 3 } });
      for (const i of [0, 1500, 1501]) {
        const tries = backend.attempts.filter((batch) => batch.some(({ value }) => value === `bad ${i}`));
        expect(tries.length).toBeLessThanOrEqual(5);
      }
      expect((await queue.deadLetters()).map(({ detail }) => detail)).toEqual(
        Array(3).fill("something is bad"),
      );
    });

    it("a rejection that names samples outside the batch counts as one that names none", async () => {
      const rejected = new Map([[99, "out of nowhere"]]);
      backend.fail = async (samples) => {
        if (samples.some(isBad)) throw new HistorianError("reject", "something is bad", { rejected });
      };
      await accept(sample(0), sample(1, "bad"), sample(2));
      await clock.advance(1000);
      expect(delivery.counters).toMatchObject({ delivered: 2, deadLettered: { rejected: 1 } });
    });
  });

  it("A11: a sample at which the store fails does not block the others, and is given up after 5 attempts", async () => {
    backend.fail = (samples) =>
      samples.some(({ value }) => value === "poison") ? Promise.reject(AWAY) : Promise.resolve();
    await accept(sample(0, "poison"), ...range(999, 1).map((second) => sample(second)));
    await clock.advance(60_000);
    expect(backend.stored.size).toBe(999);
    expect(delivery.counters).toMatchObject({ delivered: 999, waiting: 0, deadLettered: { failing: 1 } });
    const tries = backend.attempts.filter((batch) => batch.some(({ value }) => value === "poison"));
    expect(tries).toHaveLength(5);
    // What is retried from there goes the same way, once the store can take it.
    backend.fail = async () => {};
    await queue.retry();
    delivery.checkSpool();
    await clock.advance(1000);
    expect(delivery.counters).toMatchObject({ delivered: 1000, deadLettered: {} });
  });

  it("A11: repeated outages are not counted as failures of samples", async () => {
    let away = true;
    backend.fail = () => (away ? Promise.reject(AWAY) : Promise.resolve());
    for (let i = 0; i < 200; i++) {
      away = i % 3 > 0;
      await accept(...range(15, i * 15).map((second) => sample(second)));
      await clock.advance(3000);
    }
    away = false;
    await clock.advance(30_000);
    expect(delivery.counters).toMatchObject({ delivered: 3000, waiting: 0, deadLettered: {} });
  });

  it("E22: a later value of a key is kept, although the earlier one was delayed", async () => {
    let failing = true;
    backend.fail = (samples) =>
      failing && samples.some(({ value }) => value === "asked") ? Promise.reject(AWAY) : Promise.resolve();
    await accept(sample(0, "asked"), ...range(9, 1).map((second) => sample(second)));
    await accept(sample(0, "answered"), ...range(9, 20).map((second) => sample(second)));
    await clock.advance(1500);
    failing = false;
    await clock.advance(30_000);
    expect(backend.stored.get(`site/s1/load ${NOON.getTime() * 1000}`)).toBe("answered");
    expect(delivery.counters).toMatchObject({ delivered: 20, waiting: 0 });
  });

  describe("A12: failures by kind", () => {
    const answers: [kind: string, error: Error, waits: number, letters: number, secondTryAfter: number][] = [
      ["retry", AWAY, 1, 0, 1000],
      ["give_up", new HistorianError("give_up", "the password is wrong"), 1, 0, 30_000],
      ["anything else", new TypeError("oops"), 1, 0, 1000],
      ["reject", new HistorianError("reject", "no", { rejected: new Map([[0, "bad"]]) }), 0, 1, 0],
      ["reject without names", new HistorianError("reject", "no"), 0, 1, 0],
    ];
    it.each(answers)("%s", async (_, error, waiting, letters, secondTryAfter) => {
      backend.fail = () => Promise.reject(error);
      await accept(sample(0));
      await clock.advance(1000);
      expect(delivery.counters.waiting).toBe(waiting);
      expect(await queue.deadLetters()).toHaveLength(letters);
      if (secondTryAfter === 0) return;
      await clock.advance(secondTryAfter - 1);
      expect(backend.attempts).toHaveLength(1);
      await clock.advance(1);
      expect(backend.attempts).toHaveLength(2);
      expect(notices).toMatchObject([
        {
          kind: "historian_failing",
          severity: error === AWAY || waiting === 0 ? "warning" : expect.anything(),
        },
      ]);
    });
  });

  it("a failure that only a person can resolve is reported as an error", async () => {
    backend.open = () => Promise.reject(new HistorianError("give_up", "created by a newer voltbridge"));
    await restart();
    expect(notices).toMatchObject([{ severity: "error", kind: "historian_failing" }]);
  });

  it("A8: a store that is unavailable at the start gets everything once it is available", async () => {
    backend.open = () => Promise.reject(AWAY);
    backend.fail = () => Promise.reject(AWAY);
    await restart();
    for (let i = 0; i < 120; i++) {
      await accept(sample(i));
      await clock.advance(1000);
    }
    backend.fail = async () => {};
    await clock.advance(30_000);
    expect(delivery.counters).toMatchObject({ accepted: 120, delivered: 120 });
  });

  it("what the spool holds is stored at the start, and an unreadable record becomes a dead letter", async () => {
    await stop();
    await queue.append([{ text: "{", samples: 2, key: "x", time: 0 }]);
    await queue.append([{ text: '{"v":2}', samples: 1, key: "x", time: 0 }]);
    await accept(sample(1));
    delivery = start();
    await settled();
    expect(delivery.counters).toMatchObject({ delivered: 1, waiting: 0, deadLettered: { unreadable: 3 } });
  });

  it("a spool that cannot be read is retried", async () => {
    const read = queue.read.bind(queue);
    queue.read = () => Promise.reject(new Error("the disk failed"));
    await accept(sample(1));
    await clock.advance(5000);
    expect(delivery.counters.waiting).toBe(1);
    queue.read = read;
    await clock.advance(1000);
    expect(delivery.counters.delivered).toBe(1);
  });

  it("A15: records that a full spool dropped meanwhile count as dropped", async () => {
    backend.fail = () => Promise.reject(AWAY);
    for (const second of range(5)) await accept(sample(second));
    await clock.advance(1000);
    queue.evict();
    backend.fail = async () => {};
    await clock.advance(20_000);
    expect(delivery.counters).toMatchObject({ accepted: 5, delivered: 4, dropped: { limit: 1 } });
  });

  it("stop stores what waits", async () => {
    await accept(...range(25).map((second) => sample(second)));
    await stop();
    expect(delivery.counters).toMatchObject({ accepted: 25, delivered: 25 });
  });

  it("A21: stop ends quickly although the store hangs, and loses nothing", async () => {
    backend.fail = () => new Promise(() => {});
    await accept(sample(0));
    await clock.advance(1000);
    await stop();
    expect(delivery.counters).toMatchObject({ accepted: 1, waiting: 1 });
    backend.fail = async () => {};
    await restart();
    expect(delivery.counters).toMatchObject({ accepted: 1, delivered: 1 });
  });

  it("A21: stop ends quickly although the disk hangs; unsettled samples are stored again, which changes nothing", async () => {
    const settle = queue.settle.bind(queue);
    queue.settle = () => new Promise(() => {});
    await accept(...range(25).map((second) => sample(second)));
    await stop();
    expect(delivery.counters).toMatchObject({ accepted: 25, waiting: 25 });
    queue.settle = settle;
    await restart();
    expect(delivery.counters).toMatchObject({ accepted: 25, delivered: 25 });
    expect(backend.stored.size).toBe(25);
  });

  it("stop ends a pause between tries with one last try", async () => {
    backend.fail = () => Promise.reject(AWAY);
    await accept(sample(0));
    await clock.advance(1000);
    backend.fail = async () => {};
    await stop();
    expect(delivery.counters).toMatchObject({ delivered: 1 });
  });

  it("cache_only_enabled keeps everything on disk", async () => {
    await restart({ settings: { ...SETTINGS, cacheOnlyEnabled: true } });
    await accept(...range(30).map((second) => sample(second)));
    await clock.advance(60_000);
    expect(backend.attempts).toEqual([]);
    expect(delivery.counters).toMatchObject({ accepted: 30, waiting: 30, lagSeconds: 65 });
    await restart();
    expect(delivery.counters).toMatchObject({ delivered: 30 });
  });

  it("message_publish_count and gather_timing_data: the log has the number of stored values and the durations", async () => {
    await restart({ settings: { ...SETTINGS, messagePublishCount: 20, gatherTimingData: true } });
    await accept(...range(45).map((second) => sample(second)));
    await settled();
    const told = lines.filter((line) => line.includes("values stored since the start"));
    expect(told).toHaveLength(2);
    expect(told[0]).toMatch(/20 values stored .* calls=2 values=20 meanMs=\S+ maxMs=\S+/);
    expect(delivery.counters.timing).toMatchObject({ calls: 5, values: 45 });
  });
});

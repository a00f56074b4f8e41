import { describe, expect, test } from "vitest";
import type { HistorianSettings } from "../../../src/config/index.ts";
import type { Sample } from "../../../src/historian/contract.ts";
import { MessageRecorder, type SetAside } from "../../../src/historian/ingest/index.ts";
import { createLog } from "../../../src/log/log.ts";
import { SETTINGS } from "../settings.ts";

/** A sink that has samples on disk when the test says so. */
class Sink {
  readonly samples: Sample[] = [];
  readonly keys: string[] = [];
  answer: Promise<boolean> = Promise.resolve(true);

  accept(samples: readonly Sample[], key: string): Promise<boolean> {
    this.samples.push(...samples);
    this.keys.push(key);
    return this.answer;
  }

  readonly aside: [topics: readonly string[], why: SetAside, arrivedAt: Date][] = [];
  setAside(samples: readonly Sample[], _key: string, why: SetAside, arrivedAt: Date): Promise<boolean> {
    this.aside.push([samples.map(({ topic }) => topic), why, arrivedAt]);
    return this.answer;
  }
}

function setUp(baseTopic = "", more: Partial<HistorianSettings> = {}) {
  const sink = new Sink();
  const log = createLog({ level: "silent" });
  const recorder = new MessageRecorder({
    settings: { ...SETTINGS, ...more },
    baseTopic,
    sink,
    log,
    now: () => 1000,
  });
  const record = (topic: string, text: string) =>
    recorder.record({ topic, payload: Buffer.from(text), retained: false, userProperties: {} });
  return { sink, recorder, record };
}

describe("recording messages", () => {
  test("below a base topic, which is not part of the names", async () => {
    const { sink, recorder, record } = setUp("site7");
    expect(recorder.filters).toEqual([
      "site7/devices/#",
      "site7/datalogger/#",
      "site7/record/#",
      "site7/analysis/#",
    ]);
    await record("site7/devices/a/all", '{"p":1}');
    expect(sink.samples).toMatchObject([{ topic: "a/p", time: 1000, value: 1 }]);
    expect(sink.keys).toEqual(["devices/a/all"]);
  });

  test("A26: a message is acknowledged when its samples are on disk, not before", async () => {
    const { sink, recorder, record } = setUp();
    const disk = Promise.withResolvers<boolean>();
    sink.answer = disk.promise;
    let done = false;
    const recorded = record("record/x", "1").then(() => {
      done = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect([done, recorder.counters.stored]).toEqual([false, 0]);
    disk.resolve(true);
    await recorded;
    expect(recorder.counters).toEqual({ received: 1, stored: 1, ignored: {} });
  });

  test("G3: a message that cannot be stored is acknowledged at once, or it would be redelivered forever", async () => {
    const { sink, recorder, record } = setUp();
    sink.answer = new Promise(() => undefined);
    await record("record/x", "{");
    await record("devices/a/p", "1");
    expect(recorder.counters).toEqual({ received: 2, stored: 0, ignored: { not_json: 1, not_all: 1 } });
  });

  test("a sink without room has counted what it dropped; a sink that fails keeps the message from being done", async () => {
    const { sink, recorder, record } = setUp();
    sink.answer = Promise.resolve(false);
    await record("record/x", "1");
    expect(recorder.counters).toEqual({ received: 1, stored: 0, ignored: {} });
    sink.answer = Promise.reject(new Error("closed"));
    await expect(record("record/x", "1")).rejects.toThrow("closed");
  });

  test("D7: values outside of time_tolerance are set aside, the others of their message stored", async () => {
    const { sink, recorder, record } = setUp("", {
      timeToleranceSeconds: 5,
      timeToleranceTopics: ["datalogger"],
    });
    const readings = (time: string) => ({ Readings: [time, 1], Units: "" });
    const at = { a: readings("1970-01-01T00:00:01Z"), b: readings("2026-11-21T08:00:00Z") };
    await record("datalogger/x", JSON.stringify(at));
    expect(sink.samples.map(({ topic }) => topic)).toEqual(["datalogger/x/a"]);
    const detail = "its time is 1795248000 s after its arrival; historian.time_tolerance allows 5 s";
    expect(sink.aside).toEqual([[["datalogger/x/b"], { reason: "time_tolerance", detail }, new Date(1)]]);
    expect(recorder.counters).toEqual({ received: 1, stored: 1, setAside: 1, ignored: {} });
  });
});

import { describe, expect, test } from "vitest";
import type { Sample } from "../../../src/historian/contract.ts";
import { MessageRecorder } from "../../../src/historian/ingest/index.ts";
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
}

function setUp(baseTopic = "") {
  const sink = new Sink();
  const log = createLog({ level: "silent" });
  const recorder = new MessageRecorder({ settings: SETTINGS, baseTopic, sink, log, now: () => 1000 });
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
});

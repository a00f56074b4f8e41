import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../../helpers/eventually.ts";
import { Recorder } from "../../helpers/mqtt-recorder.ts";
import { WebSite } from "../../helpers/web.ts";

const HOUR = 3_600_000;
const AT = (hours: number) => new Date(Math.floor(Date.now() / HOUR) * HOUR - hours * HOUR).toISOString();

/** VOLTTRON's historian as verbs of a running bridge. */
describe("history over JSON-RPC", () => {
  let web: WebSite;
  let ear: Recorder;
  beforeAll(async () => {
    web = await WebSite.start({ stations: 1 });
    await web.scraped();
    ear = await Recorder.connect(web.bridge.mqtt.url);
  });
  afterAll(async () => {
    await ear?.close();
    await web?.stop();
  });

  async function call(verb: string, params: unknown = []): Promise<unknown> {
    const id = randomUUID();
    const topic = `voltbridge/test/rpc/${verb}`;
    await ear.send(topic, JSON.stringify({ jsonrpc: "2.0", id, params }));
    const answer = JSON.parse((await ear.find(`${topic}/response`, ({ text }) => text.includes(id))).text);
    return answer.error ?? answer.result;
  }
  const device = (message: unknown, time: string, topic = "devices/other/meter/all") => ({
    ...{ topic, message, headers: { TimeStamp: time } },
  });

  test("B6: insert takes VOLTTRON's records, and query answers with them in its shapes", async () => {
    const units = { kW: { units: "kW", type: "float", tz: "UTC" } };
    const records = [
      ...[3, 2, 1].map((hours) => device([{ kW: hours }, units], AT(hours))),
      { topic: "record/note", headers: {}, message: { text: "hello" } },
      { topic: "datalogger/lab", headers: {}, message: { temp: { Readings: [AT(1), 21.5], Units: "C" } } },
    ];
    expect(await call("insert", [records])).toBeNull();
    await eventually(async () => {
      expect(await call("query", ["other/meter/kW", AT(3), AT(1)])).toEqual({
        values: [
          [AT(3).replace("Z", "000+00:00"), 3],
          [AT(2).replace("Z", "000+00:00"), 2],
        ],
        metadata: units.kW,
      });
    });
    expect(
      await call("query", { topic: ["other/meter/kW"], count: 1, order: "LAST_TO_FIRST" }),
    ).toMatchObject({
      values: [[expect.anything(), 1]],
    });
    expect(await call("query", ["other/meter/kW", null, null, "MAX", "1d"])).toMatchObject({
      values: expect.arrayContaining([[expect.anything(), 3]]),
    });
    const named = {
      topic: "other/meter/kW",
      agg_type: "COUNT",
      agg_period: "1d",
      min_count: 100,
      tz: "Asia/Tokyo",
    };
    expect(await call("query", named)).toEqual({});
    expect(await call("query", ["nowhere/x"])).toEqual({});
    expect(await call("get_topic_list")).toEqual(
      expect.arrayContaining(["other/meter/kW", "record/note", "datalogger/lab/temp", "site/s1/portLoad_1"]),
    );
    expect(await call("get_topics_by_pattern", ["meter"])).toEqual({ "other/meter/kW": "other/meter/kW" });
    expect(await call("get_topics_metadata", [["other/meter/kW", "x/y"]])).toEqual({
      "other/meter/kW": units.kW,
    });
    expect(await call("get_aggregate_topics")).toContainEqual([
      "other/meter/kW",
      "avg",
      "1h",
      ["other/meter/kW"],
    ]);
  });

  test("a bad record is named, and the others are stored; notes of the bridge are not taken", async () => {
    const answer = await call("insert", [
      [
        device({ kW: 1 }, AT(5), "devices/_voltbridge/test/all"),
        device({ requester: 1 }, AT(5), "devices/actuators/write/site/s1/all"),
        device({ kW: 1 }, AT(5), "other/topic"),
        { headers: {} },
        device({ kW: 9 }, AT(5)),
      ],
    ]);
    const { message } = answer as { message: string };
    for (const text of [
      "record 1: _voltbridge/test/kW",
      "record 2",
      "record 3: topic other/topic must begin",
      "record 4",
    ])
      expect(message).toContain(text);
    await eventually(async () => {
      expect(await call("query", ["other/meter/kW", AT(5), AT(5)])).toMatchObject({
        values: [[expect.anything(), 9]],
      });
    });
    expect(await call("get_topics_by_pattern", ["^(_voltbridge/test/kW|actuators)"])).toEqual({});
  });

  test("wrong arguments and answers that are too long say what to do", async () => {
    expect(await call("query", [7])).toMatchObject({ message: expect.stringContaining("topic") });
    expect(await call("query", { topci: "x" })).toMatchObject({
      message: expect.stringContaining('"topic"'),
    });
    expect(await call("insert", ["x"])).toMatchObject({ message: expect.stringContaining("list") });
    const readings = Array.from({ length: 20 }, (_, i) =>
      device({ text: String(i).repeat(60_000) }, AT(i + 10)),
    );
    for (const one of readings) expect(await call("insert", [[one]])).toBeNull();
    await eventually(async () => {
      expect(await call("query", ["other/meter/text"])).toMatchObject({
        message: expect.stringMatching(/more than 1048576; ask for less/),
      });
    });
  });
});

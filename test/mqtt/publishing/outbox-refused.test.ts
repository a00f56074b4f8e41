import { describe, expect, test } from "vitest";
import type { Notice } from "../../../src/bus.ts";
import { readingMessage, readingRecord, type Sending } from "../../../src/mqtt/publishing/reading.ts";
import { broker } from "../../helpers/endings.ts";
import { mosquittoInstalled } from "../../helpers/mosquitto.ts";
import { connected, device, point, scrape, until } from "../rig.ts";
import { eventually, listen, openQueue, STATIONS, start } from "./outbox-rig.ts";

const READING = {
  topic: "devices/site/a/all",
  body: ['{"p":1}', '{"p":{"units":"kW"}}'],
  headers: '{"TimeStamp":"2026-11-21T00:00:00.000000+00:00"}',
  samples: 1,
  time: Date.UTC(2026, 10, 21),
} as const;

describe("the message of a queued reading", () => {
  const sending: Sending = { qos: 1, retain: true, places: { inPayload: true, inProperties: false } };
  const record = readingRecord(READING);

  test("live: as it was made, retained where the settings say so", () => {
    expect(readingMessage(record, false, sending)).toEqual({
      ...{ topic: READING.topic, qos: 1, retain: true },
      payload: '[{"p":1},{"p":{"units":"kW"}},{"TimeStamp":"2026-11-21T00:00:00.000000+00:00"}]',
    });
  });

  test("late: says so among the headers, wherever these travel, and is not retained", () => {
    const { payload, retain } = readingMessage(record, true, sending);
    expect(JSON.parse(payload)[2]).toEqual({ TimeStamp: "2026-11-21T00:00:00.000000+00:00", Late: true });
    expect(retain).toBe(false);
    const places = { inPayload: false, inProperties: true };
    const { payload: bare, userProperties } = readingMessage(record, true, { ...sending, places });
    expect(JSON.parse(bare)).toHaveLength(2);
    expect(userProperties).toEqual({ TimeStamp: "2026-11-21T00:00:00.000000+00:00", Late: "true" });
  });

  test("late, as plain JSON", () => {
    const plain = readingRecord({ ...READING, body: ['{"device":"site/a","values":{"p":1}}'] });
    expect(JSON.parse(readingMessage(plain, true, sending).payload)).toEqual({
      ...{ device: "site/a", values: { p: 1 }, late: true },
    });
    expect(readingMessage(plain, false, sending).payload).toBe('{"device":"site/a","values":{"p":1}}');
  });

  test("a topic with line breaks and quotes comes out as it was", () => {
    const odd = readingRecord({ ...READING, topic: 'a\n"b"\\c' });
    expect(readingMessage(odd, false, sending).topic).toBe('a\n"b"\\c');
  });
});

describe.skipIf(!mosquittoInstalled)(
  "what the broker will never take is set aside and holds nobody up",
  () => {
    test("A23, T6: MQTT 5: denied by the access rules: not counted as delivered, told once", async () => {
      const denied = STATIONS.filter(({ path }) => path !== "site/b");
      const mosquitto = await broker({
        acl: [
          "topic read #",
          ...denied.map(({ path }) => `topic write devices/${path}/#`),
          ...["voltbridge/#", "heartbeat/#", "devices/actuators/#", "state/#"].map(
            (filter) => `topic write ${filter}`,
          ),
        ],
      });
      const ledger = await start({ url: mosquitto.url });
      const notices: Notice[] = [];
      ledger.rig.bus.on("notice", (notice) => void notices.push(notice));
      await connected(ledger.rig.mqtt);
      const ear = await listen(mosquitto);
      for (let i = 0; i < 5; i++) ledger.round();
      await ledger.balance({ dead: 5 * 40 });
      await until(() => ear.messages.length === 15, "the others");
      const dead = await ledger.queue.deadLetters();
      expect(dead.map(({ key, reason }) => [key, reason])).toEqual(
        Array.from({ length: 5 }, () => ["devices/site/b/all", "not_authorized"]),
      );
      expect(dead[0]?.detail).toContain("code 135");
      expect(notices.map(({ kind }) => kind)).toEqual(["message_refused"]);
      expect(ledger.rig.mqtt.counters.refused).toBe(5);
    });

    test("A23, T7: MQTT 5: too large: one connection is lost at most, then the size is known", async () => {
      const mosquitto = await broker({ config: ["message_size_limit 1000"] });
      const ledger = await start({ url: mosquitto.url }, { devices: new Map() });
      const ear = await listen(mosquitto);
      await connected(ledger.rig.mqtt);
      const tiny = device("site/small", [point("p0")], { publish: STATIONS[0]!.publish });
      for (let i = 0; i < 5; i++) {
        ledger.round();
        ledger.rig.bus.emit("scrape", scrape(tiny, { p0: i }));
      }
      await eventually(async () => {
        const { deadLettered, delivered, waiting } = await ledger.queue.counters();
        expect({ deadLettered, delivered, waiting }).toEqual({
          ...{ deadLettered: { too_large: ledger.messages * 40 }, delivered: 5, waiting: 0 },
        });
      });
      const small = () => ear.on("devices/site/small/all").map(({ text }) => JSON.parse(text)[0].p0);
      await until(() => new Set(small()).size === 5, "small ones");
      expect(ledger.rig.log.filter((line) => line.includes("lost")).length).toBeLessThanOrEqual(1);
    });

    test("A24, T8: topics that no broker would take", async () => {
      const mosquitto = await broker();
      const names = ["a+b", "c#", "nul\u0000", "x".repeat(70_000), "$fine", "also fine ", "🔌"];
      const views = { depthFirstAll: false, breadthFirstAll: false, depthFirst: true, breadthFirst: false };
      const odd = device(
        "site/odd",
        names.map((name) => point(name)),
        { publish: views },
      );
      const { rig, queue } = await start({ url: mosquitto.url });
      await connected(rig.mqtt);
      const ear = await listen(mosquitto, "devices/site/odd/#");
      rig.bus.emit("scrape", scrape(odd, Object.fromEntries(names.map((name, i) => [name, i]))));
      await until(() => ear.messages.length === 3, "those that can be");
      expect(ear.messages.map(({ topic }) => topic)).toEqual(
        names.slice(4).map((name) => `devices/site/odd/${name}`),
      );
      await eventually(async () =>
        expect(await queue.counters()).toMatchObject({
          delivered: 3,
          waiting: 0,
          deadLettered: { bad_topic: 4 },
        }),
      );
      expect(rig.mqtt.connected).toBe(true);
    });

    test("dead letters that are put back are sent; a record that cannot be read is set aside", async () => {
      const mosquitto = await broker();
      const queue = await openQueue();
      const [record] = await queue.append([readingRecord(READING)]);
      await queue.settle([
        {
          id: record!.id,
          delivered: 0,
          dead: [{ ...readingRecord(READING), reason: "not_authorized", detail: "no" }],
        },
      ]);
      const { rig } = await start({ url: mosquitto.url }, { outbox: queue });
      await connected(rig.mqtt);
      const ear = await listen(mosquitto);
      await queue.append([{ text: "nonsense", samples: 1, key: "k", time: 0 }]);
      expect(await queue.retry()).toBe(1);
      const { text } = await ear.find(READING.topic);
      expect(JSON.parse(text)[2]).toMatchObject({ Late: true });
      await eventually(async () =>
        expect(await queue.counters()).toMatchObject({
          delivered: 1,
          waiting: 0,
          deadLettered: { damaged: 1 },
        }),
      );
    });
  },
);

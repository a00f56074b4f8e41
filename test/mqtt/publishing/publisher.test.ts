import { describe, expect, test } from "vitest";
import type { MqttSettings } from "../../../src/config/index.ts";
import type { Message } from "../../../src/mqtt/broker/link.ts";
import { deviceText, headerPlaces, timeText } from "../../../src/mqtt/payloads.ts";
import { Publisher } from "../../../src/mqtt/publishing/publisher.ts";
import { readingMessage, readingRecord } from "../../../src/mqtt/publishing/reading.ts";
import { Topics } from "../../../src/mqtt/topics.ts";
import type { PublishViews } from "../../../src/points/index.ts";
import { AT, device, HEADERS, PATH, point, SETTINGS, STATION, SYNCHRONIZED, scrape } from "../rig.ts";

function publisher(settings: Partial<MqttSettings> = {}, protocolVersion: 4 | 5 = 5) {
  const sent: Message[] = [];
  const all = { ...SETTINGS, ...settings };
  const sending = () => ({ ...all, places: headerPlaces(all.headers, protocolVersion) });
  const it = new Publisher({
    settings: all,
    topics: new Topics("bridge-1", ""),
    deliver: (reading) => void sent.push(readingMessage(readingRecord(reading), false, sending())),
    announce: (message) => void sent.push(message),
    sending,
    protocolVersion: () => protocolVersion,
    now: () => AT,
  });
  return { it, sent, topics: () => sent.splice(0).map((message) => message.topic) };
}

const NO_VIEWS: PublishViews = {
  ...{ depthFirstAll: false, breadthFirstAll: false, depthFirst: false, breadthFirst: false },
};

describe("the VOLTTRON view", () => {
  test.each(["depthFirstAll", "breadthFirstAll", "depthFirst", "breadthFirst"] as const)(
    "only %s",
    (view) => {
      const expected = {
        depthFirstAll: `devices/${PATH}/all`,
        breadthFirstAll: "devices/all/station-1/garage/pnnl",
        depthFirst: `devices/${PATH}/status`,
        breadthFirst: "devices/status/station-1/garage/pnnl",
      };
      const { it, topics } = publisher();
      const station = device(PATH, [...STATION.points.values()], { publish: { ...NO_VIEWS, [view]: true } });
      it.publishScrape(scrape(station, { status: "ok" }));
      expect(topics()).toEqual([expected[view]]);
    },
  );

  test("a point that failed is left out of the values and stays in the metadata", () => {
    const { it, sent } = publisher();
    it.publishScrape(scrape(STATION, { allowedLoad: 0 }, { failures: new Map([["portLoad", "timeout"]]) }));
    const [values, metadata] = JSON.parse(sent[0]!.payload) as [object, object];
    expect(values).toEqual({ allowedLoad: 0 });
    expect(Object.keys(metadata)).toEqual(["portLoad", "allowedLoad", "status"]);
  });

  test.each(["volttron", "json"] as const)(
    "D4: in the form %s, times of a clock that is not set are marked",
    (payload) => {
      const { it, sent } = publisher({ payload });
      it.publishScrape(scrape(STATION, { allowedLoad: 0 }, { takenAt: new Date(17_000) }));
      it.publishScrape(scrape(STATION, { allowedLoad: 1 }));
      const marked = sent.map((message) => /"clockNotSet":true/i.test(message.payload));
      expect(marked).toEqual(sent.map((_, i) => i < sent.length / 2));
    },
  );

  test("Publish = change: own topics only on change by the Deadband, the all topic always", () => {
    const { it, sent, topics } = publisher();
    const own = `devices/${PATH}/portLoad`;
    const step = (portLoad: number): boolean => {
      it.publishScrape(scrape(STATION, { portLoad }));
      const all = sent.find((message) => message.topic.endsWith("/all"))!;
      expect(JSON.parse(all.payload)[0]).toEqual({ portLoad });
      return topics().includes(own);
    };
    expect([6, 6.4, 6.49, 6.5, 6.5, 6.1].map(step)).toEqual([true, false, false, true, false, false]);
    it.forgetValues();
    expect(step(6.1)).toBe(true);
  });

  test("payload: json", () => {
    const { it, sent } = publisher({ payload: "json" });
    const failures = new Map([
      ["portLoad", "timeout"],
      ["driverName", "hidden"],
    ]);
    it.publishScrape(scrape(STATION, { allowedLoad: 0.5 }, { failures }));
    const timestamps = { timestamp: AT.toISOString(), synchronized: SYNCHRONIZED.toISOString() };
    expect(JSON.parse(sent[0]!.payload)).toEqual({
      ...{ device: PATH, ...timestamps, values: { allowedLoad: 0.5 } },
      units: { portLoad: "kW", allowedLoad: "kW" },
      failures: { portLoad: "timeout" },
    });
    const own = sent.find((message) => message.topic.endsWith("/allowedLoad"))!;
    expect(JSON.parse(own.payload)).toEqual({
      ...{ device: PATH, point: "allowedLoad", ...timestamps, value: 0.5, units: "kW" },
    });
  });

  test.each([
    ["payload", 5, true, false],
    ["properties", 5, false, true],
    ["both", 5, true, true],
    ["properties", 4, true, false],
    ["both", 4, true, false],
  ] as const)("headers: %s over version %i", (headers, version, inPayload, inProperties) => {
    const { it, sent } = publisher({ headers }, version);
    it.publishScrape(scrape(STATION, { allowedLoad: 1 }));
    for (const message of sent) {
      expect((JSON.parse(message.payload) as unknown[])[2]).toEqual(inPayload ? HEADERS : undefined);
      expect(message.userProperties).toEqual(inProperties ? HEADERS : undefined);
    }
  });

  test("retain and QoS are the settings', and a write is never retained", () => {
    const { it, sent } = publisher({ retain: true, qos: 0 });
    it.publishScrape(scrape(STATION, { allowedLoad: 1 }));
    it.announceWrite({
      ...{ id: "w", requester: "r", via: "mqtt", device: STATION, action: "revert" },
      ...{ at: AT, requested: null },
    });
    expect(sent.slice(0, -1).every((message) => message.retain && message.qos === 0)).toBe(true);
    expect(sent.at(-1)).toMatchObject({ topic: `devices/actuators/write/${PATH}`, retain: false });
  });

  test("any name of a point is a key of its own", () => {
    const odd = device(
      "a",
      ["__proto__", "constructor", 'quo"te', "ünï"].map((name) => point(name)),
    );
    const { it, sent } = publisher();
    it.publishScrape(scrape(odd, JSON.parse('{"__proto__":1,"constructor":2,"quo\\"te":3,"ünï":4}')));
    const [values] = JSON.parse(sent[0]!.payload) as [object];
    expect(Object.entries(values)).toEqual([
      ["__proto__", 1],
      ["constructor", 2],
      ['quo"te', 3],
      ["ünï", 4],
    ]);
  });

  test("the text of metadata is made once for a device, and for all that have the same points", () => {
    expect(deviceText(STATION)).toBe(deviceText(STATION));
    const points = [...STATION.points.values()];
    expect(deviceText(device("other", points))).toBe(deviceText(STATION));
    const elsewhere = device("other", points, { timezone: "Europe/Berlin" });
    expect(deviceText(elsewhere).allMetadata).toContain("Europe/Berlin");
    expect(deviceText(device("other", points.slice(0, 1))).points).toHaveLength(1);
  });
});

test("times are written as VOLTTRON writes them", () => {
  expect(timeText(new Date("2026-11-21T00:00:00.007Z"))).toBe("2026-11-21T00:00:00.007000+00:00");
});

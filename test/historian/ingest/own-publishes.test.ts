import { describe, expect, test } from "vitest";
import type { MqttSettings } from "../../../src/config/index.ts";
import type { Sample } from "../../../src/historian/contract.ts";
import { Ingest, Naming } from "../../../src/historian/ingest/index.ts";
import { scrapeSamples } from "../../../src/historian/record/samples.ts";
import type { Message } from "../../../src/mqtt/broker/link.ts";
import { headerPlaces } from "../../../src/mqtt/payloads.ts";
import { Publisher } from "../../../src/mqtt/publishing/publisher.ts";
import { readingMessage, readingRecord } from "../../../src/mqtt/publishing/reading.ts";
import { Topics } from "../../../src/mqtt/topics.ts";
import type { Scrape } from "../../../src/points/index.ts";
import { device, point, scrape } from "../../mqtt/rig.ts";
import { SETTINGS } from "../settings.ts";

const PATH = "pnnl/garage/station-1";

/** What a bridge with these settings publishes of a scrape, late messages included. */
function published(
  of: Scrape,
  { payload, headers }: Pick<MqttSettings, "payload" | "headers">,
  version: 4 | 5,
  late: boolean,
): Message[] {
  const messages: Message[] = [];
  const sending = { qos: 1, retain: true, places: headerPlaces(headers, version) } as const;
  const publisher = new Publisher({
    settings: { payload, answers: "bridge" },
    topics: new Topics("test", ""),
    deliver: (reading) => messages.push(readingMessage(readingRecord(reading), late, sending)),
    announce: (message) => messages.push(message),
    sending: () => sending,
    protocolVersion: () => version,
    now: () => of.takenAt,
  });
  publisher.publishScrape(of);
  return messages;
}

describe("A26: own publishes are not stored twice", () => {
  const own = device(PATH, [
    point("load", { units: "kW" }),
    point("status", { type: "string" }),
    point("name", { type: "string", publish: "never" }),
  ]);
  const reading = scrape(own, { load: 4.567, status: null, name: "secret" });

  test.each([
    ["volttron", "payload", 5],
    ["volttron", "properties", 5],
    ["volttron", "both", 5],
    ["volttron", "properties", 4],
    ["json", "payload", 5],
  ] as const)(
    "payload %s, headers %s, MQTT %s: the same keys and values as the recorder's",
    (payload, headers, version) => {
      const keys = (samples: readonly Sample[]) =>
        samples.map(({ topic, time, value }) => JSON.stringify([topic, time, value])).sort();
      const ingest = new Ingest(SETTINGS);
      for (const late of [false, true]) {
        const taken = published(reading, { payload, headers }, version, late).flatMap((sent) => {
          const { topic, userProperties = {} } = sent;
          const message = { topic, userProperties, retained: false, arrivedAt: 0 };
          return ingest.ingest({ ...message, payload: Buffer.from(sent.payload) }).samples;
        });
        expect(keys(taken)).toEqual(keys([...scrapeSamples(reading)]));
      }
    },
  );

  test("renamed and filtered alike", () => {
    const naming = new Naming({
      topicReplaceList: [{ from: "PNNL", to: "site" }],
      deviceDataFilter: { site: ["load"] },
    });
    const { path, keeps } = naming.device(PATH);
    expect([path, keeps("load"), keeps("status")]).toEqual(["site/garage/station-1", true, false]);
    expect(naming.deviceOfTopic(`devices/${PATH}/all`).path).toBe(path);
  });
});

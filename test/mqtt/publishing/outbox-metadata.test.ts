import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { beforeEach, describe, expect, test } from "vitest";
import { createLog } from "../../../src/log/log.ts";
import { deviceText, readingHeaders, valuesText } from "../../../src/mqtt/payloads.ts";
import { deadReading, readingRecord } from "../../../src/mqtt/publishing/reading.ts";
import { openQueue, type Queue } from "../../../src/queue/index.ts";
import { broker, endings } from "../../helpers/endings.ts";
import { mosquittoInstalled } from "../../helpers/mosquitto.ts";
import { connected, until } from "../rig.ts";
import { eventually, listen, numbered, STATIONS, start } from "./outbox-rig.ts";

const [STATION] = STATIONS as [(typeof STATIONS)[number]];
const TOPIC = `devices/${STATION.path}/all`;

/** The message of a scrape of the first station, byte by byte. */
function message(n: number, late: boolean, metadata = deviceText(STATION).allMetadata): string {
  const scrape = numbered(STATION, n);
  const headers = JSON.stringify({ ...readingHeaders(scrape), ...(late && { Late: true }) });
  return `[${valuesText(scrape).text},${metadata},${headers}]`;
}

function recordOf(n: number, topic = TOPIC) {
  const scrape = numbered(STATION, n);
  return readingRecord({
    ...{ topic, body: [valuesText(scrape).text, deviceText(STATION).allMetadata] },
    ...{ headers: JSON.stringify(readingHeaders(scrape)), samples: 40, time: scrape.takenAt.getTime() },
  });
}

describe.skipIf(!mosquittoInstalled)("the metadata of waiting scrapes, which the queue keeps once", () => {
  let file: string;
  beforeEach(() => {
    const folder = mkdtempSync(join(tmpdir(), "outbox-"));
    file = join(folder, "outbox.sqlite");
    endings.push(() => rm(folder, { recursive: true }));
  });
  async function open(): Promise<Queue> {
    const queue = await openQueue({ file, log: createLog({ level: "silent" }) });
    endings.push(() => queue.close());
    return queue;
  }

  test("is in the file once, and in every message: live, late, and after a restart", async () => {
    const mosquitto = await broker();
    const queue = await open();
    const offline = await start({ url: "mqtt://127.0.0.1:1" }, { outbox: queue });
    for (let n = 0; n < 20; n++) offline.round();
    await offline.accepted();
    await offline.rig.mqtt.stop();
    await queue.close();
    const db = new DatabaseSync(file, { readOnly: true });
    expect(db.prepare("SELECT count(*) AS n, min(text) AS text FROM shared").get()).toEqual({
      ...{ n: 1, text: deviceText(STATION).allMetadata },
    });
    expect(db.prepare("SELECT count(*) AS n FROM record WHERE instr(text, 'units')").get()).toEqual({ n: 0 });
    db.close();

    const ear = await listen(mosquitto, TOPIC);
    const { rig } = await start({ url: mosquitto.url }, { outbox: await open() });
    await connected(rig.mqtt);
    await until(() => ear.messages.length === 20, "what waited");
    expect(ear.messages.map(({ text }) => text)).toEqual(ear.messages.map((_, n) => message(n, true)));
    rig.bus.emit("scrape", numbered(STATION, 20));
    await ear.find(TOPIC, ({ text }) => text === message(20, false));
  });

  test("is whole in a dead letter, and in its message when it is put back", async () => {
    const mosquitto = await broker();
    const queue = await open();
    const [record] = await queue.append([recordOf(1)]);
    await queue.settle([{ id: record!.id, delivered: 0, dead: [deadReading(record!, new Error("no"))] }]);
    const [letter] = await queue.deadLetters();
    expect(letter!.text.split("\n")[3]).toBe(deviceText(STATION).allMetadata);
    await queue.retry();
    await queue.close();
    const ear = await listen(mosquitto, TOPIC);
    await start({ url: mosquitto.url }, { outbox: await open() });
    await ear.find(TOPIC, ({ text }) => text === message(1, true));
  });

  test("that was lost is what the device has now, and {} where it is gone: no value is lost, it is told once", async () => {
    const mosquitto = await broker();
    const queue = await open();
    const backward = `devices/all/${STATION.path.split("/").reverse().join("/")}`;
    const gone = "devices/site/gone/all";
    await queue.append([TOPIC, backward, gone].map((topic, n) => recordOf(n, topic)));
    await queue.close();
    const db = new DatabaseSync(file);
    db.exec("DELETE FROM shared");
    db.close();

    const ear = await listen(mosquitto, "devices/#");
    const again = await open();
    const { rig } = await start({ url: mosquitto.url }, { outbox: again });
    await ear.find(TOPIC, ({ text }) => text === message(0, true));
    await ear.find(backward, ({ text }) => text === message(1, true));
    await ear.find(gone, ({ text }) => text === message(2, true, "{}"));
    await eventually(async () =>
      expect(await again.counters()).toMatchObject({ delivered: 120, waiting: 0 }),
    );
    expect(rig.log.filter((line) => line.includes("metadata"))).toHaveLength(1);
  });
});

import { setTimeout as delay } from "node:timers/promises";
import { connectAsync } from "mqtt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { roundsOf } from "../faults/scale.ts";
import { Mosquitto, mosquittoInstalled } from "../helpers/mosquitto.ts";
import { RunningVoltbridge } from "../helpers/voltbridge.ts";
import { cli } from "./in-process.ts";
import { Workplace } from "./workplace.ts";

const KILLS = roundsOf({ ordinary: 4, few: 2 });
const MESSAGES = KILLS * 1000;
/** Microseconds since 1970 of the first message; each is one later, so that every one is a row of its own. */
const FIRST = Date.parse("2026-11-21T08:00:00Z") * 1000;

function message(i: number): string {
  const time = FIRST + i;
  const second = new Date(Math.floor(time / 1e6) * 1000).toISOString().slice(0, 19);
  return JSON.stringify({
    headers: { Date: `${second}.${String(time % 1e6).padStart(6, "0")}` },
    message: i,
  });
}

describe.skipIf(!mosquittoInstalled)("voltbridge historian is killed", () => {
  let broker: Mosquitto;
  let place: Workplace;
  const started: RunningVoltbridge[] = [];

  beforeAll(async () => {
    broker = await Mosquitto.run({ config: ["max_queued_messages 0", "max_inflight_messages 0"] });
    place = new Workplace({ "bridge.json": { instance: "desk", data: "data", mqtt: { url: broker.url } } });
  });
  afterAll(async () => {
    for (const running of started) await running.stop("SIGKILL");
    place.remove();
    await broker.dispose();
  });

  test("A26: every message that was published is stored once, though it is killed again and again", async () => {
    const config = place.at("bridge.json");
    const begin = async (): Promise<RunningVoltbridge> => {
      const running = new RunningVoltbridge(["historian", "--config", config]);
      started.push(running);
      await running.printed(/taking messages from/);
      return running;
    };
    let running = await begin();
    const client = await connectAsync(broker.url);
    let published = 0;
    const pump = (async () => {
      for (let i = 0; i < MESSAGES; i += 20) {
        const batch = Array.from({ length: 20 }, (_, n) => message(i + n));
        await Promise.all(batch.map((text) => client.publishAsync("record/x", text, { qos: 1 })));
        published += batch.length;
        await delay(8);
      }
    })();
    for (let kill = 0; kill < KILLS; kill++) {
      await delay(50 + Math.random() * 250);
      await running.stop("SIGKILL");
      running = await begin();
    }
    await pump;
    expect(published).toBe(MESSAGES);

    const values = async (): Promise<number[]> => {
      const { stdout } = await cli(["history", "query", "record/x", "--config", config, "--json"]);
      return JSON.parse(stdout).values["record/x"].map(([, value]: [string, number]) => value);
    };
    await expect.poll(async () => (await values()).length, { timeout: 40_000 }).toBe(MESSAGES);
    expect(await values()).toEqual(Array.from({ length: MESSAGES }, (_, i) => i));

    // The balance, by its own counters.
    await running.stop();
    const last = await begin();
    const { stdout } = await cli(["status", "--config", config, "--json"]);
    const { historian } = JSON.parse(stdout)[0].health;
    expect(historian).toMatchObject({ waiting: 0, dropped: {}, deadLettered: {} });
    expect(historian.accepted).toBe(historian.delivered);
    expect(historian.accepted).toBeGreaterThanOrEqual(MESSAGES);
    expect(await last.stop()).toBe(0);
    await client.endAsync();
  }, 120_000);
});

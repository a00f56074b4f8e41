import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connectAsync } from "mqtt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../../src/simulator/index.ts";
import { portLoadKw } from "../../src/simulator/world/stations/station.ts";
import { RunningCli } from "../cli/in-process.ts";
import { freePort, Mosquitto, mosquittoInstalled } from "../helpers/mosquitto.ts";
import { PYTHON, pahoInstalled } from "../helpers/python.ts";
import { Site } from "../helpers/site.ts";

const examples = fileURLToPath(new URL("../../examples", import.meta.url));
/** A running example: what it printed so far, and its end. */
function start(program: string, args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  const running = { printed: "", child, ended: once(child, "close").then(([code]) => code as number | null) };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      running.printed += chunk;
    });
  }
  return running;
}

describe("the examples, against a running bridge", () => {
  let simulator: Simulator;
  let site: Site;
  let bridge: RunningCli;
  let url: string;

  beforeAll(async () => {
    simulator = await startSimulator({ stations: 2, traffic: false, incidents: false });
    for (const stationID of simulator.stationIDs)
      simulator.world.plugIn(stationID, "1", { kw: 7.2, needKwh: 500 });
    const port = await freePort();
    url = `mqtt://127.0.0.1:${port}`;
    site = new Site({
      ...simulator,
      bridge: { instance: "voltbridge", mqtt: { embedded: { port } }, historian: { backend: "none" } },
    });
    bridge = new RunningCli(["run", "--config", site.config]);
    await bridge.printed(/running devices=2/);
  });
  afterAll(async () => {
    await bridge?.stop();
    await simulator?.close();
    site?.remove();
  });

  test("subscribe-node prints scrapes", async () => {
    const example = start(process.execPath, [
      `${examples}/subscribe-node/subscribe.mts`,
      "--url",
      url,
      "--count",
      "3",
    ]);
    expect(await example.ended).toBe(0);
    expect(example.printed.match(/^\S+ site\/s[12] \{/gm)).toHaveLength(3);
    expect(example.printed).toContain("portLoad_1: 7.2");
  });

  test.skipIf(!pahoInstalled)("subscribe-python prints scrapes", async () => {
    const example = start(PYTHON, [
      `${examples}/subscribe-python/subscribe.py`,
      "--url",
      url,
      "--count",
      "3",
    ]);
    expect(await example.ended).toBe(0);
    expect(example.printed.match(/^\S+ site\/s[12] \{/gm)).toHaveLength(3);
  });

  test("demand-limit sheds above the limit and clears well below it", async () => {
    const example = start(process.execPath, [
      ...[
        `${examples}/demand-limit/demand-limit.mts`,
        "--url",
        url,
        "--limit",
        "10",
        "--site",
        "site",
        "--calm",
        "1",
      ],
    ]);
    const load = () => {
      const { stations, now } = simulator.world.catchUp();
      return stations.flatMap(({ ports }) => ports).reduce((sum, port) => sum + portLoadKw(port, now), 0);
    };
    await expect.poll(load, { timeout: 15_000 }).toBeLessThanOrEqual(10);
    expect(example.printed).toContain("site/s1 may draw 5 kW");

    simulator.world.unplug(simulator.stationIDs[1]!, "1");
    await expect.poll(() => example.printed, { timeout: 15_000 }).toContain("site/s1 is free again");
    await expect.poll(load, { timeout: 15_000 }).toBe(7.2);

    example.child.kill("SIGINT");
    expect(await example.ended).toBe(0);
  });

  test.skipIf(!mosquittoInstalled)("schedule reserves, preempts and overrides a station", async () => {
    const args = [`${examples}/schedule/schedule.sh`, new URL(url).port, "site/s2", "allowedLoad"];
    const example = start("sh", args, { REST: "0.3" });
    expect(await example.ended, example.printed).toBe(0);
    for (const line of [
      /schedule\/result .*"result":"SUCCESS".*"taskID":"soft"/,
      /value\/site\/s2\/allowedLoad \[3,.*"requesterID":"ems".*"status":"confirmed"/,
      /error\/site\/s2\/allowedLoad .*"type":"ScheduleError".*"requesterID":"other"/,
      /schedule\/result .*"result":"PREEMPTED".*"requesterID":"ems"/,
      /error\/site\/s2\/allowedLoad .*"type":"ScheduleError".*"requesterID":"dr"/,
      /rpc\/set_override_on\/response .*"result":null/,
      /error\/site\/s2\/allowedLoad .*"type":"OverrideError".*"requesterID":"ems"/,
      /rpc\/request_cancel_schedule\/response .*"result":"SUCCESS"/,
    ])
      expect(example.printed).toMatch(line);
  });
});

describe.skipIf(!mosquittoInstalled)("the examples that need no bridge", () => {
  test("demand-limit decides on full rounds, and on TERM reverts what may still be limited", async () => {
    const broker = await Mosquitto.run();
    try {
      const bridge = await connectAsync(broker.url);
      const asked: string[] = [];
      let wake = () => {};
      bridge.on("message", (topic, payload) => {
        const said = JSON.parse(payload.toString() || "null") as { value?: unknown } | null;
        asked.push(`${topic.replace("devices/actuators/", "")} ${said?.value ?? said ?? "null"}`);
        wake();
      });
      const commands = async (count: number): Promise<string[]> => {
        while (asked.length < count) await new Promise<void>((resolve) => (wake = resolve));
        return asked.splice(0).map((text) => text.replace(/ (null|\[object Object\])$/, ""));
      };
      await bridge.subscribeAsync(["devices/actuators/set/#", "devices/actuators/revert/#"]);
      const say = (topic: string, message: unknown, retain = false) =>
        bridge.publishAsync(topic, JSON.stringify(message), { qos: 1, retain });
      const scrape = (device: string, stationLoad: number) =>
        say(`devices/${device}/all`, [{ stationLoad }, {}, {}]);
      const requesterID = "demand-limit";
      await say("voltbridge/garage/info", { devices: ["site/s1", "site/s2", "else/s1"] }, true);

      const script = `${examples}/demand-limit/demand-limit.mts`;
      const example = start(process.execPath, [
        ...[script, "--url", broker.url, "--limit", "10", "--site", "site"],
      ]);
      await expect.poll(() => example.printed, { timeout: 15_000 }).toContain("keeping site");
      // One station alone is above the limit; what each may draw is known when both were heard.
      await scrape("site/s1", 15);
      await scrape("site/s2", 15);
      expect(await commands(2)).toEqual(["set/site/s1/allowedLoad 5", "set/site/s2/allowedLoad 5"]);
      await scrape("site/s1", 16);
      await scrape("site/s2", 0);
      expect(await commands(1)).toEqual(["set/site/s1/allowedLoad 10"]);
      const error = "devices/actuators/error/site/s1/allowedLoad";
      await say(error, { type: "SupersededError", value: "a later set", requesterID });
      await say("devices/actuators/error/site/s2/allowedLoad", {
        type: "ApiError",
        value: "no",
        requesterID,
      });
      // The one that came later counts: nothing is asked again.
      await scrape("site/s1", 16);
      await scrape("site/s2", 0);
      await expect.poll(() => example.printed).toContain("ApiError");
      example.child.kill("SIGTERM");
      const reverts = ["site/s1", "site/s2"].map((device) => `revert/point/${device}/allowedLoad`);
      expect(await commands(2)).toEqual(reverts);
      for (const device of ["site/s1", "site/s2"])
        await say(`devices/actuators/reverted/point/${device}/allowedLoad`, [
          ...[null, {}, { requesterID, status: "confirmed" }],
        ]);
      expect(await example.ended, example.printed).toBe(0);
      await bridge.endAsync();
    } finally {
      await broker.dispose();
    }
  });

  test("historian-anywhere stores what others publish", async () => {
    const broker = await Mosquitto.run();
    const folder = mkdtempSync(join(tmpdir(), "historian-anywhere-"));
    try {
      const script = `${examples}/historian-anywhere/historian-anywhere.sh`;
      const example = start("sh", [script, "127.0.0.1", String(broker.port), folder]);
      expect(await example.ended, example.printed).toBe(0);
      for (const line of [
        /^campus\/roof\/ahu-1\/temperature +degC +float$/m,
        /^campus\/score\/comfort +float$/m,
        /^datalogger\/pump\/hours +h +integer$/m,
        /^grid\/power +float$/m,
        /^2026-11-21T08:00:00\.000000\+00:00 +21\.5$/m,
      ])
        expect(example.printed).toMatch(line);
    } finally {
      await broker.dispose();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../../src/simulator/index.ts";
import { cli, RunningCli } from "../cli/in-process.ts";
import { Mosquitto, mosquittoInstalled } from "../helpers/mosquitto.ts";
import { Recorder } from "../helpers/mqtt-recorder.ts";
import { Site } from "../helpers/site.ts";

/**
 * A data folder as the version of 2026-11-30 left it (`ee002b1`): two stations read for some seconds, two limits held without
 * an end, an override, a reservation, charging sessions, and values that wait for a
 * broker.
 */
const CASES = join(import.meta.dirname, "../cases/data-folder");

let undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.reverse()) await step();
  undo = [];
});

test.skipIf(!mosquittoInstalled)(
  "a data folder of the version before opens, and keeps what it has",
  async () => {
    const simulator: Simulator = await startSimulator({ stations: 2, traffic: false, incidents: false });
    undo.push(() => simulator.close());
    const broker = await Mosquitto.run();
    undo.push(() => broker.dispose());
    const { endpoint, username, password, stationIDs } = simulator;
    const site = new Site({
      ...{ endpoint, username, password, stationIDs },
      bridge: { mqtt: { url: broker.url }, sessions: { enabled: true } },
      device: { interval: 2 },
      driver: { shed_lease_minutes: 0 },
    });
    undo.push(() => site.remove());
    mkdirSync(site.data);
    for (const name of readdirSync(CASES))
      writeFileSync(join(site.data, name.replace(/\.gz$/, "")), gunzipSync(readFileSync(join(CASES, name))), {
        mode: 0o600,
      });
    const ear = await Recorder.connect(broker.url, {}, "devices/#");
    undo.push(() => ear.close());
    const bridge = new RunningCli(["run", "--config", site.config]);
    undo.push(() => bridge.stop());
    await bridge.printed(/running devices=2/);
    // What waited for the broker comes first, as it was read then.
    const waited = await ear.find("devices/site/s1/all", ({ text }) =>
      text.includes('"TimeStamp":"2026-11-30T04:06'),
    );
    expect(JSON.parse(waited.text)[0]).toMatchObject({ allowedLoad_1: 3 });

    const asked = async (...args: string[]) => {
      const { code, stdout } = await cli([...args, "--config", site.config, "--json"]);
      expect(code, args.join(" ")).toBe(0);
      return JSON.parse(stdout);
    };
    const { held } = await asked("sheds");
    expect(held).toMatchObject([
      { device: "site/s1", point: "allowedLoad_1", value: 3, requester: "ems" },
      { device: "site/s2", point: "allowedLoad_2", value: 0, requester: "ems" },
    ]);
    expect(await asked("override", "list")).toMatchObject([{ pattern: "site/s2" }]);
    expect(await asked("schedule", "list")).toMatchObject([{ taskId: "peak" }]);
    const stored = await asked("history", "query", "site/s1/allowedLoad_1", "--end", "2026-11-30T05:00:00Z");
    expect(JSON.stringify(stored).match(/2026-11-30T04:0/g)?.length).toBeGreaterThan(2);
    expect((await asked("sessions", "list", "--from", "2026-11-01T00:00:00Z")).length).toBeGreaterThan(0);
    expect(bridge.stderr).not.toMatch(/damaged|set aside|newer/);
  },
  60_000,
);

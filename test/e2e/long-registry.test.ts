import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../../src/simulator/index.ts";
import { freePort } from "../helpers/mosquitto.ts";
import { Site } from "../helpers/site.ts";
import { RunningVoltbridge } from "../helpers/voltbridge.ts";

const ROWS = 100_000;
const KINDS = [
  "portLoad,LoadRegister,1,float,kW",
  "stationLoad,LoadRegister,,float,kW",
  "Status,StationStatusRegister,1,string,",
  "stationName,StationRegister,,string,",
];

/** Run in the bridge: prints how long its event loop was kept, by the time of its own thread, which others on the machine do not lengthen. */
const probe = `
import { isMainThread } from "node:worker_threads";
if (isMainThread) {
  const turns = [];
  let before = process.threadCpuUsage();
  setInterval(() => {
    const { user, system } = process.threadCpuUsage(before);
    turns.push(Math.round((user + system) / 1000));
    before = process.threadCpuUsage();
  }, 2).unref();
  process.on("exit", () => console.error("turns " + JSON.stringify(turns.sort((a, b) => b - a).slice(0, 5))));
}`;

let simulator: Simulator;
let site: Site;
let bridge: RunningVoltbridge;
beforeEach(async () => {
  simulator = await startSimulator({ stations: 1, traffic: false, incidents: false });
  const { endpoint, username, password, stationIDs } = simulator;
  site = new Site({
    ...{ endpoint, username, password, stationIDs },
    bridge: { mqtt: { embedded: { port: await freePort() } } },
    device: { registry_config: "config://long.csv", interval: 3600 },
  });
  const rows = Array.from(
    { length: ROWS },
    (_, i) => `point ${i},${KINDS[i % KINDS.length]},,FALSE,"note, ${i}"\n`,
  );
  site.write(
    "registry/long.csv",
    `Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes\n${rows.join("")}`,
  );
  writeFileSync(`${site.folder}/probe.mjs`, probe);
});
afterEach(async () => {
  await bridge.stop("SIGKILL");
  site.remove();
  await simulator.close();
});

test("F2: a device of 100,000 rows is run without keeping the event loop long, and in bounded memory", async () => {
  bridge = new RunningVoltbridge(["run", "--config", site.config], {
    env: { NODE_OPTIONS: `--import=${site.folder}/probe.mjs` },
  });
  await bridge.printed(/running devices=1/);
  await bridge.printed(/historian: 1000\d values stored/);
  const peakKb = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${bridge.pid}/status`, "utf8"))![1]);
  expect(await bridge.stop()).toBe(0);
  // The longest is the one in which the modules are loaded.
  const [, longest] = JSON.parse(/turns (\[.*\])/.exec(bridge.stderr)![1]!) as number[];
  // Some 200 ms, 350 on a busy machine; three times as much where one turn holds all that a scrape brings about.
  expect(longest).toBeLessThan(400);
  // 370 to 485 MB with the embedded broker and the SQLite historian; 50 rows take some 210.
  expect(peakKb).toBeLessThan(520 * 1024);
}, 60_000);

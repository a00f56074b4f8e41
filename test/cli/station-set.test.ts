import { afterAll, beforeAll, expect, test } from "vitest";
import { Bus, type Notice } from "../../src/bus.ts";
import { loadAll } from "../../src/cli/setup/load.ts";
import { openDevices, StateStore } from "../../src/devices/index.ts";
import { createLog, Secrets } from "../../src/log/log.ts";
import type { Scrape } from "../../src/points/index.ts";
import { type Simulator, startSimulator } from "../../src/simulator/index.ts";
import { Site } from "../helpers/site.ts";
import { until } from "../mqtt/rig.ts";

let simulator: Simulator;
let site: Site;

beforeAll(async () => {
  simulator = await startSimulator({ stations: 12, traffic: false, incidents: false });
  const { endpoint, username, password } = simulator;
  site = new Site({ endpoint, username, password, stationIDs: [], bridge: {} });
  site.write("configs/devices/site/garage.json", {
    driver_type: "chargepoint",
    driver_config: { stations: simulator.stationIDs.slice(0, 3), username, password, endpoint },
    registry_config: "config://chargepoint-minimal.csv",
    interval: 1,
    topic: "site/{organisation}/{stationID}",
  });
});
afterAll(async () => {
  site.remove();
  await simulator.close();
});

test("one config makes a device of each of its stations, which are scraped; E8: nothing is written", async () => {
  const options = { config: site.config, secrets: new Secrets(), env: {} };
  const { settings, devices } = await loadAll(options);
  const bus = new Bus((_, error) => {
    throw error;
  });
  const scraped = new Set<string>();
  const notices: Notice[] = [];
  bus.on("scrape", ({ device }: Scrape) => scraped.add(device.path));
  bus.on("notice", (notice) => notices.push(notice));
  const state = StateStore.open(":memory:");
  const running = openDevices({ devices, settings, bus, log: createLog({ level: "silent" }), state });
  expect(running.infos).toEqual([]);
  running.start();
  try {
    await until(() => scraped.size === 3, `three stations are scraped: ${JSON.stringify(notices)}`);
    const ids = [...scraped].map((path) => path.split("/").at(-1)).sort();
    expect(ids).toEqual(simulator.stationIDs.slice(0, 3).toSorted());
    expect(simulator.calls.some(({ operation }) => /shed/i.test(operation ?? ""))).toBe(false);
  } finally {
    await running.stop();
  }
  const again = openDevices({ devices, settings, bus, log: createLog({ level: "silent" }), state });
  expect(again.infos.map(({ path }) => path).sort()).toEqual([...scraped].sort());
  await again.stop();
  state.close();
});

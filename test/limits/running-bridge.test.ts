import { afterAll, beforeAll, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../../src/simulator/index.ts";
import { stationLoadKw } from "../../src/simulator/world/stations/station.ts";
import { cli, RunningCli } from "../cli/in-process.ts";
import { freePort } from "../helpers/mosquitto.ts";
import { Site } from "../helpers/site.ts";

let simulator: Simulator;
let site: Site;
let bridge: RunningCli;
let url: string;

beforeAll(async () => {
  simulator = await startSimulator({ stations: 2, model: "CT4021-GW1", traffic: false, incidents: false });
  for (const id of simulator.stationIDs)
    for (const port of ["1", "2"]) simulator.world.plugIn(id, port, { kw: 7.2, needKwh: 500 });
  const port = await freePort();
  url = `mqtt://127.0.0.1:${port}`;
  site = new Site({
    ...simulator,
    bridge: {
      mqtt: { embedded: { port } },
      historian: { backend: "none" },
      limits: { garage: { devices: ["site/*"], margin_percent: 0 } },
    },
    device: { registry_config: "config://chargepoint.csv" },
  });
  bridge = new RunningCli(["run", "--config", site.config]);
  await bridge.printed(/connected to/);
});
afterAll(async () => {
  await bridge?.stop();
  site?.remove();
  await simulator?.close();
});

const ask = (...args: string[]) => cli([...args, "--url", url]);
const loadKw = () => {
  const { now } = simulator.world.catchUp();
  return simulator.stationIDs.reduce(
    (sum, id) => sum + stationLoadKw(simulator.world.findStation(id)!, now),
    0,
  );
};

test("voltbridge limit sets, shows and takes away the limit of a running bridge, and the stations obey", async () => {
  expect(loadKw()).toBeCloseTo(28.8);
  expect((await ask("limit")).stdout).toMatch(/^group +limit kW (?:.*\n){2}garage +off /);

  const set = await ask("limit", "garage", "12", "--requester", "ann");
  expect(set.code).toBe(0);
  expect(set.stdout).toMatch(/\ngarage +12\.00 /);
  await bridge.printed(/garage \(.* of 12 kW.*\): site\/s1\/allowedLoad_1 no limit → 3 kW/);
  await expect.poll(loadKw, { timeout: 10_000 }).toBeCloseTo(12);
  await expect
    .poll(async () => JSON.parse((await ask("limit", "garage", "--json")).stdout)[0], { timeout: 10_000 })
    .toMatchObject({ group: "garage", maxKw: 12, loadKw: 12, mayDrawKw: 12, busy: 4, waiting: 0 });
  expect((await ask("limit", "garage")).stdout).toMatch(
    /site\/s2\/allowedLoad_2 +charging +3\.00 +3\.00 +7\.20/,
  );
  const sheds = simulator.calls.filter(({ operation }) => operation === "shedLoad").length;
  expect(sheds).toBe(4);

  expect((await ask("limit", "garage", "off")).stdout).toMatch(/\ngarage +off /);
  await bridge.printed(/garage \(no limit\): site\/s1\/allowedLoad_1 3 kW → no limit, 3 to follow/);
  await expect.poll(loadKw, { timeout: 10_000 }).toBeCloseTo(16.2);

  expect(await ask("limit", "garrage", "5")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("there is no limit group garrage; did you mean garage?"),
  });
  expect((await ask("limit", "garage", "much")).code).toBe(2);
});

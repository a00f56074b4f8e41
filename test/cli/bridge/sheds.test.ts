import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { operations } from "../../../src/drivers/chargepoint/api/index.ts";
import { type Simulator, startSimulator } from "../../../src/simulator/index.ts";
import { endings } from "../../helpers/endings.ts";
import { freePort } from "../../helpers/mosquitto.ts";
import { Site } from "../../helpers/site.ts";
import { call } from "../../simulator/call.ts";
import { cli, RunningCli } from "../in-process.ts";

async function station() {
  const simulator = await startSimulator({ stations: 2, traffic: false, incidents: false });
  endings.push(() => simulator.close());
  const port = await freePort();
  const { endpoint, username, password, stationIDs } = simulator;
  const site = new Site({
    ...{ endpoint, username, password, stationIDs },
    bridge: {
      mqtt: { embedded: { port } },
      historian: { backend: "none" },
      actuator: { confirm_timeout: 2 },
    },
  });
  endings.push(() => site.remove());
  const ask = (...args: string[]) => cli([...args, "--url", `mqtt://127.0.0.1:${port}`]);
  const run = async (...args: string[]) => {
    const bridge = new RunningCli(["run", "--config", site.config, ...args]);
    endings.push(() => bridge.stop());
    await bridge.printed(/connected to/);
    return bridge;
  };
  return { simulator, site, ask, run };
}

function shed(simulator: Simulator, stationID: string, portNumber: string, kw: number) {
  const Ports = { Port: [{ portNumber, allowedLoadPerPort: kw }] };
  return call(simulator, operations.shedLoad, {
    shedQuery: { shedStation: { stationID, Ports }, timeInterval: 0 },
  });
}

const clear = (simulator: Simulator, stationID: string, portNumber: string) =>
  call(simulator, operations.clearShedState, {
    shedQuery: { shedStation: { stationID, Ports: { Port: [{ portNumber }] } } },
  });

test("E7: after a restart what still stands is held on, what is gone is not renewed, what is somebody else's is reported", async () => {
  const { simulator, ask, run } = await station();
  const [one, two] = simulator.stationIDs as [string, string];
  let bridge = await run();
  expect((await ask("sheds")).stdout).toBe("the bridge holds no limits\n");
  for (const [point, kw] of [
    ["site/s1/allowedLoad_1", "3"],
    ["site/s1/allowedLoad_2", "4"],
    ["site/s2/allowedLoad_1", "5"],
  ] as const)
    expect((await ask("set", point, kw, "--requester", "ems")).stdout).toMatch(/^confirmed/);
  const listed = (await ask("sheds")).stdout;
  expect(listed).toMatch(/site\/s1\/allowedLoad_1 +3 +ems +in force +\S+Z +\S+Z, renewed before +0\n/);
  await bridge.stop();

  await clear(simulator, one, "2");
  await shed(simulator, two, "1", 2);
  await shed(simulator, two, "2", 6);
  const before = simulator.calls.length;
  bridge = await run();
  await bridge.printed(/site\/s1\/allowedLoad_2 = 4 of ems, held since .* is not renewed/);
  await bridge.printed(/site\/s2\/allowedLoad_1 = 5 of ems, held since .* is not renewed/);
  for (const limit of [
    "port 1 of station \\S+ is limited \\(2 kW\\)",
    "port 2 of station \\S+ is limited \\(6 kW\\)",
  ])
    await bridge.printed(new RegExp(limit));
  const { held, others } = JSON.parse((await ask("sheds", "--json")).stdout);
  expect(held).toMatchObject([{ device: "site/s1", point: "allowedLoad_1", value: 3, requester: "ems" }]);
  expect(others.map(({ device }: { device: string }) => device)).toEqual(["site/s2", "site/s2"]);
  expect((await ask("sheds")).stdout).toContain("Set by others:");
  await bridge.stop();
  const writes = simulator.calls.slice(before).filter(({ operation }) => /shed/i.test(operation));
  expect(writes).toEqual([]);
});

test("E31: of two device configs of one station the first by path runs; the other is told and left out", async () => {
  const { site, ask, run } = await station();
  const first = JSON.parse(readFileSync(join(site.devices, "s1.json"), "utf8"));
  site.write("configs/devices/site/s1-again.json", first);
  site.write("configs/devices/site/s9.json", first);
  const bridge = await run();
  const { stderr } = bridge;
  expect(stderr).toMatch(/running devices=2/);
  expect(stderr).toMatch(/s1\.json:1:1: error \[duplicate_station\].*s1-again\.json/);
  expect(stderr).toMatch(/s9\.json:1:1: error \[duplicate_station\].*s1-again\.json/);
  expect((await ask("set", "site/s1-again/allowedLoad_1", "3")).stdout).toMatch(/^confirmed/);
  for (const path of ["site/s1", "site/s9"]) {
    const other = await ask("set", `${path}/allowedLoad_1`, "5");
    expect(other.code).toBe(1);
    expect(`${other.stdout}${other.stderr}`).toMatch(/no device|unknown device/i);
  }
  expect((await ask("set", "site/s2/allowedLoad_1", "4")).stdout).toMatch(/^confirmed/);
});

test("a read-only bridge holds on to nothing that it could not end, and answers with its reason", async () => {
  const { simulator, ask, run } = await station();
  const bridge = await run("--read-only");
  await bridge.printed(/the bridge is read-only: it writes to no device/);
  const set = await ask("set", "site/s1/allowedLoad_1", "3");
  expect(set.code).toBe(1);
  expect(set.stdout).toContain("ReadOnlyBridgeError: this bridge is read-only");
  expect((await ask("get", "site/s1/portLoad_1")).code).toBe(0);
  expect(simulator.calls.filter(({ operation }) => /shed/i.test(operation))).toEqual([]);
});

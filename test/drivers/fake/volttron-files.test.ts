import { resolve } from "node:path";
import { expect, test } from "vitest";
import { loadDevices } from "../../../src/config/index.ts";
import { scrapeOnce } from "../../../src/devices/index.ts";
import { createFake } from "../../../src/drivers/fake/index.ts";
import { driverTypes } from "../../../src/drivers/index.ts";
import { createLog, Secrets } from "../../../src/log/log.ts";
import { readRegistry } from "../../../src/registry/index.ts";
import { driverSettings } from "../../devices/rows.ts";

const folder = resolve(import.meta.dirname, "../../cases/volttron-fake");
const START = Date.UTC(2026, 10, 21, 8);
const signal = AbortSignal.timeout(60_000);

async function load() {
  const schemas = Object.fromEntries(Object.entries(driverTypes).map(([name, t]) => [name, t.configSchema]));
  const { devices, diagnostics } = loadDevices(
    resolve(folder, "devices"),
    schemas,
    { registries: resolve(folder, "registry") },
    { secrets: new Secrets() },
  );
  const registry = await readRegistry(devices[0]!.registryFile);
  expect([...diagnostics, ...registry.diagnostics]).toEqual([]);
  return { settings: devices[0]!, rows: registry.rows };
}

async function trialDevice() {
  const { rows } = await load();
  const time = { now: START };
  const config = { latency_ms: 0, fail: [], lease_seconds: 0 };
  const service = createFake(() => time.now).open({} as never);
  return {
    time,
    device: service.createDevice({ path: "campus/building/fake_device", config, rows, intervalSeconds: 5 }),
  };
}

test("VOLTTRON's trial device loads without a warning and is read", async () => {
  const loaded = await load();
  expect(loaded.settings).toMatchObject({ path: "campus/building/fake_device", driverType: "fakedriver" });
  const { scrape, diagnostics } = await scrapeOnce({
    device: loaded,
    settings: driverSettings,
    log: createLog({ level: "silent" }),
  });
  expect(diagnostics).toEqual([]);
  expect([...scrape.failures]).toEqual([]);
  expect(Object.fromEntries(scrape.values)).toEqual({
    Heartbeat: false,
    EKG: expect.any(Number),
    OutsideAirTemperature1: 50,
    SampleLong1: 50,
    SampleWritableShort1: 20,
    SampleBool1: true,
    PowerState: 0,
    NoStartingValue: expect.any(Number),
  });
  const { units, extra } = scrape.device.points.get("SampleWritableShort1")!;
  expect(units).toBe("%");
  expect(extra).toEqual({ "Units Details": "0.00 to 100.00 (20 default)" });
});

test("a point is set, read back and reverted to its Starting Value; a read-only one is refused", async () => {
  const { device } = await trialDevice();
  const set = await device.setPoint("SampleWritableShort1", 35, { signal });
  expect(await set.verify(signal)).toEqual({ confirmed: true, readBack: 35 });
  const reverted = await device.revertPoint("SampleWritableShort1", { signal });
  expect(await reverted.verify(signal)).toEqual({ confirmed: true, readBack: 20 });
  await expect(device.setPoint("SampleLong1", 3, { signal })).rejects.toThrow(/cannot be written/);
});

test("EKG is a wave of one minute; what is written to it is its amplitude", async () => {
  const { device, time } = await trialDevice();
  time.now = START + 15_000;
  expect(await device.getPoint("EKG", signal)).toBeCloseTo(1);
  const set = await device.setPoint("EKG", 5, { signal });
  expect(await set.verify(signal)).toEqual({ confirmed: true, readBack: 5 });
  expect(await device.getPoint("EKG", signal)).toBeCloseTo(5);
  time.now = START + 45_000;
  expect(await device.getPoint("EKG", signal)).toBeCloseTo(-5);
  const reverted = await device.revertPoint("EKG", { signal });
  expect(await reverted.verify(signal)).toEqual({ confirmed: true, readBack: 1 });
  expect(await device.getPoint("EKG", signal)).toBeCloseTo(-1);
});

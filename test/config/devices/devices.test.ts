import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadDeviceFile, loadDevices } from "../../../src/config/index.ts";
import { Secrets } from "../../../src/log/log.ts";
import { DRIVERS } from "../drivers.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "voltbridge-devices-"));
  write("registry/fake.csv", "");
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(path: string, content: unknown): string {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content), { mode: 0o600 });
  return file;
}

const options = () => ({ secrets: new Secrets(), env: {} });
const bridge = () => ({ registries: join(folder, "registry") });
const load = () => loadDevices(join(folder, "devices"), DRIVERS, bridge(), options());
const DEVICE = { driver_type: "fake", registry_config: "config://fake.csv" };

describe("device configs", () => {
  test("defaults are filled in, the driver's own too, and nothing else", () => {
    write("devices/garage/one.json", {
      ...DEVICE,
      driver_type: "chargepoint",
      driver_config: { stationID: "1:2", username: "u", password: "pass-word" },
    });
    const { devices, diagnostics } = load();
    expect(diagnostics).toEqual([]);
    expect(devices).toEqual([
      {
        file: join(folder, "devices/garage/one.json"),
        path: "garage/one",
        driverType: "chargepoint",
        driverConfig: {
          stationID: "1:2",
          username: "u",
          password: "pass-word",
          region: "NA",
          cacheExpiration: 0,
          shed_lease_minutes: 60,
        },
        registryFile: join(folder, "registry/fake.csv"),
        intervalSeconds: 60,
        timezone: "UTC",
        group: 0,
        publish: {},
      },
    ]);
  });

  test("publish settings hold only what the file says, false too", () => {
    write("devices/one.json", {
      ...DEVICE,
      publish_depth_first_all: false,
      publish_breadth_first: true,
      heart_beat_point: "hb",
      group: 2,
      timezone: "",
    });
    expect(load().devices[0]).toMatchObject({ heartbeatPoint: "hb", group: 2, timezone: "UTC" });
    expect(load().devices[0]?.publish).toEqual({ depthFirstAll: false, breadthFirst: true });
  });

  test("files are found at any depth, sorted; hidden ones and other kinds are not device configs", () => {
    for (const path of [
      "b.jsonc",
      "a/z.config",
      "a/b/c.JSON",
      ".hidden.json",
      ".git/x.json",
      "notes.md",
      "x.schema",
    ])
      write(`devices/${path}`, DEVICE);
    expect(load().devices.map((device) => device.path)).toEqual(["a/b/c", "a/z", "b"]);
  });

  test("links are followed as Kubernetes lays them out, and a circle of links ends", () => {
    write("devices/..2026/one.json", DEVICE);
    symlinkSync("..2026", join(folder, "devices/..data"));
    symlinkSync("..data/one.json", join(folder, "devices/one.json"));
    mkdirSync(join(folder, "devices/loop"));
    symlinkSync("..", join(folder, "devices/loop/again"));
    symlinkSync("nowhere", join(folder, "devices/broken.json"));
    expect(load().devices.map((device) => device.path)).toEqual(["one"]);
  });

  test("a folder that is not there, or holds nothing, is a warning", () => {
    expect(load()).toMatchObject({ devices: [], diagnostics: [{ code: "no_devices", severity: "warning" }] });
    mkdirSync(join(folder, "devices"));
    expect(load().diagnostics[0]?.message).toContain("holds no device config");
  });

  test("one config by itself has the topic of its name, or of its folder where that is told", () => {
    const file = write("devices/garage/one.json", DEVICE);
    expect(loadDeviceFile(file, DRIVERS, bridge(), options()).device?.path).toBe("one");
    const inFolder = { ...options(), folder: join(folder, "devices") };
    expect(loadDeviceFile(file, DRIVERS, bridge(), inFolder).device?.path).toBe("garage/one");
  });

  test("a config:// name cannot leave the registries folder", () => {
    write("elsewhere.csv", "");
    write("devices/one.json", { ...DEVICE, registry_config: "config://../elsewhere.csv" });
    expect(load().diagnostics).toMatchObject([{ code: "missing_registry", path: "registry_config" }]);
  });

  test("of registries that differ in case, the one written as asked is taken", () => {
    write("registry/Fake.csv", "");
    write("devices/one.json", { ...DEVICE, registry_config: "config://Fake.csv" });
    write("devices/two.json", { ...DEVICE, registry_config: "config://fake.csv" });
    expect(load().devices.map((device) => device.registryFile)).toEqual([
      join(folder, "registry/Fake.csv"),
      join(folder, "registry/fake.csv"),
    ]);
  });

  test("500 devices load within a second or two", () => {
    for (let i = 0; i < 500; i++) write(`devices/site-${i % 10}/station-${i}.json`, DEVICE);
    const start = performance.now();
    expect(load().devices).toHaveLength(500);
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});

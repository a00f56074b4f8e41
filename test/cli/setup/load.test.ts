import { chmodSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, utimesSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { BridgeFiles, type LoadedFiles, type loadAll } from "../../../src/cli/setup/load.ts";
import { CommandError } from "../../../src/cli/terminal/command-error.ts";
import { Secrets } from "../../../src/log/log.ts";
import { Workplace } from "../workplace.ts";

const REGISTRY = "Volttron Point Name,Attribute Name,Register Name\nload,sum,\n";
const other = (name: string) => REGISTRY.replace("load", name);
const device = (more: object = {}) => ({
  driver_type: "fake",
  registry_config: "config://a.csv",
  interval: 60,
  ...more,
});
const station = (id: number) => ({
  driver_type: "chargepoint",
  registry_config: "config://station.csv",
  driver_config: { stationID: `1:${id}`, username: "u", password: { file: "../../secrets/key" } },
});
const STATION = "Volttron Point Name,Attribute Name,Register Name\nname,stationName,StationRegister\n";

let place: Workplace;
let secrets: Secrets;
beforeEach(() => {
  place = new Workplace({
    "configs/bridge.json": { devices: "devices", registries: "../registry", data: "../data" },
    "configs/devices/one.json": device(),
    "configs/devices/two.json": device(),
    "configs/devices/site/three.json": station(3),
    "registry/a.csv": REGISTRY,
    "registry/station.csv": STATION,
    "secrets/key": "first-secret\n",
  });
  secrets = new Secrets();
});
afterEach(() => place.remove());

const options = () => ({ config: place.at("configs/bridge.json"), secrets, env: {} });
/** Makes a file look as if it had been changed some time ago, so that its stats can be trusted. */
const named = (loaded: LoadedFiles, file: string) =>
  loaded.devices.find(({ settings }) => settings.file === place.at(file));

/** What a load has found; `folders` and identities aside. */
const outcome = ({ settings, devices, diagnostics }: Awaited<ReturnType<typeof loadAll>>) =>
  JSON.parse(JSON.stringify({ settings, devices, diagnostics })) as unknown;

describe("files that are loaded again", () => {
  test("what is unchanged is the identical object, also when it was touched or written again", async () => {
    const files = new BridgeFiles(options());
    const first = await files.load();
    expect(first.diagnostics).toEqual([]);
    expect(first.devices).toHaveLength(3);
    place.write("registry/a.csv", REGISTRY);
    place.write("configs/devices/one.json", device());
    utimesSync(place.at("registry/station.csv"), new Date(), new Date());
    const { ino } = statSync(place.at("registry/a.csv"));
    place.write("registry/b.tmp", REGISTRY);
    renameSync(place.at("registry/b.tmp"), place.at("registry/a.csv"));
    expect(statSync(place.at("registry/a.csv")).ino).not.toBe(ino);
    const second = await files.load();
    expect(second.settings).toBe(first.settings);
    for (const [i, { settings, rows }] of second.devices.entries()) {
      expect(settings).toBe(first.devices[i]!.settings);
      expect(rows).toBe(first.devices[i]!.rows);
    }
  });

  test("one changed registry changes the rows of its devices alone", async () => {
    const files = new BridgeFiles(options());
    const first = await files.load();
    place.write("registry/a.csv", other("power"));
    const second = await files.load();
    expect(named(second, "configs/devices/one.json")!.rows[0]!.point.name).toBe("power");
    expect(named(second, "configs/devices/one.json")!.settings).toBe(first.devices[0]!.settings);
    expect(named(second, "configs/devices/site/three.json")!.rows).toBe(
      named(first, "configs/devices/site/three.json")!.rows,
    );
  });

  test("two changes within one tick of the file system's clock are both seen", async () => {
    const files = new BridgeFiles(options());
    for (let round = 0; round < 20; round++) {
      const name = `p${round % 10}`;
      place.write("registry/a.csv", other(name));
      expect(named(await files.load(), "configs/devices/one.json")!.rows[0]!.point.name).toBe(name);
    }
  });

  test("F7: a rotated secret file is read again, and the new secret is blanked in the log", async () => {
    const files = new BridgeFiles(options());
    const first = await files.load();
    expect(secrets.blank("first-secret second-secret")).toBe("*** second-secret");
    place.write("secrets/key", "second-secret\n");
    const second = await files.load();
    expect(named(second, "configs/devices/site/three.json")!.settings.driverConfig.password).toBe(
      "second-secret",
    );
    expect(secrets.blank("first-secret second-secret")).toBe("*** ***");
    expect(named(second, "configs/devices/one.json")!.settings).toBe(first.devices[0]!.settings);
    chmodSync(place.at("secrets/key"), 0o644);
    expect((await files.load()).diagnostics).toMatchObject([{ code: "secret_readable" }]);
  });

  test("a bridge config with an error leaves the settings of before, and devices are loaded by them", async () => {
    const files = new BridgeFiles(options());
    const first = await files.load();
    expect(first.isBridgeConfigUsable).toBe(true);
    place.write("configs/bridge.json", '{ "devices": ');
    place.write("configs/devices/four.json", device());
    const second = await files.load();
    expect(second).toMatchObject({ isBridgeConfigUsable: false, diagnostics: [{ code: "bad_json" }] });
    expect(second.settings).toBe(first.settings);
    expect(second.devices).toHaveLength(4);
    place.write("configs/bridge.json", {
      devices: "devices",
      registries: "../registry",
      data: "../data",
      instance: "other",
    });
    expect(await files.load()).toMatchObject({
      isBridgeConfigUsable: true,
      settings: { instance: "other" },
    });
    rmSync(place.at("configs/bridge.json"));
    expect(await files.load()).toMatchObject({
      isBridgeConfigUsable: false,
      settings: { instance: "other" },
    });
  });

  test("the first load of a bridge config with an error fails as before", async () => {
    place.write("configs/bridge.json", "{");
    await expect(new BridgeFiles(options()).load()).rejects.toThrow(CommandError);
  });

  test("folders of configs, registries, secrets and link targets, missing ones too, but not the data folder", async () => {
    place.write("elsewhere/v1/four.json", device());
    symlinkSync("v1", place.at("elsewhere/current"));
    symlinkSync("../../elsewhere/current/four.json", place.at("configs/devices/four.json"));
    place.write("configs/devices/five.json", device({ registry_config: "../../beside/r.csv" }));
    place.write("data/state", "");
    const { folders } = await new BridgeFiles(options()).load();
    expect([...folders].sort()).toEqual(
      [
        "beside",
        "configs",
        "configs/devices",
        "configs/devices/site",
        "elsewhere",
        "elsewhere/current",
        "elsewhere/v1",
        "registry",
        "secrets",
      ].map((folder) => place.at(folder)),
    );
    rmSync(place.at("registry"), { recursive: true });
    rmSync(place.at("configs/devices"), { recursive: true });
    const gone = await new BridgeFiles(options()).load();
    expect(gone.folders).toContain(place.at("registry"));
    expect(gone.folders).toContain(place.at("configs/devices"));
  });

  test("links that lead nowhere or back to themselves, and files that are no files, never throw", async () => {
    symlinkSync("loop.json", place.at("configs/devices/loop.json"));
    symlinkSync("nowhere.json", place.at("configs/devices/gone.json"));
    place.write("configs/devices/six.json", device({ registry_config: "loop.json" }));
    const { diagnostics, devices } = await new BridgeFiles(options()).load();
    expect(devices).toHaveLength(3);
    expect(diagnostics.map(({ code, message }) => `${code}: ${message}`)).toEqual([
      "unreadable_file: the file is a link that leads back to itself",
      `missing_registry: ${place.at("configs/devices/loop.json")} is a link that leads back to itself`,
    ]);
  });
});

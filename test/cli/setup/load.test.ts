import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadAll } from "../../../src/cli/setup/load.ts";
import { CommandError } from "../../../src/cli/terminal/command-error.ts";
import { Secrets } from "../../../src/log/log.ts";
import { BridgeFiles } from "../../../src/reload/bridge-files.ts";
import type { LoadedConfigs } from "../../../src/reload/reloader.ts";
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
  driver_config: { stationID: `1:${id}`, username: "u", password: { file: "../../../secrets/key" } },
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
const named = (loaded: LoadedConfigs, file: string) =>
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
    expect(first.diagnostics).toEqual([]);
    place.write("configs/bridge.json", '{ "devices": ');
    place.write("configs/devices/four.json", device());
    const second = await files.load();
    expect(second).toMatchObject({ diagnostics: [{ code: "bad_json", severity: "error" }] });
    expect(second.settings).toBe(first.settings);
    expect(second.devices).toHaveLength(4);
    place.write("configs/bridge.json", {
      devices: "devices",
      registries: "../registry",
      data: "../data",
      instance: "other",
    });
    expect(await files.load()).toMatchObject({
      diagnostics: [],
      settings: { instance: "other" },
    });
    rmSync(place.at("configs/bridge.json"));
    expect(await files.load()).toMatchObject({
      diagnostics: [{ code: "unreadable_file", severity: "error" }],
      settings: { instance: "other" },
    });
  });

  test("the first load of a bridge config with an error fails as before", async () => {
    place.write("configs/bridge.json", "{");
    await expect(loadAll(options())).rejects.toThrow(CommandError);
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

describe("after any series of edits", () => {
  const FILES = [
    "configs/devices/one.json",
    "configs/devices/two.json",
    "configs/devices/site/three.json",
    "configs/devices/site/four.jsonc",
    "configs/devices/new/five.json",
  ];
  const REGISTRIES = ["registry/a.csv", "registry/A.csv", "registry/b.csv", "registry/station.csv"];
  const CONFIGS = [
    JSON.stringify(device()),
    JSON.stringify(device({ registry_config: "config://B.csv" })),
    JSON.stringify(device({ registry_config: "../../registry/b.csv" })),
    JSON.stringify(device({ topic: "same/topic" })),
    JSON.stringify(device({ interval: "60" })),
    JSON.stringify({ ...station(1), driver_config: { ...station(1).driver_config, password: "in-clear" } }),
    JSON.stringify(station(1)),
    JSON.stringify({ ...device(), intervall: 5 }),
    '{ "driver_type": "fa',
    "",
  ];
  const TABLES = [REGISTRY, other("power"), `${REGISTRY}load,sum,\n`, "no header\n", "", STATION];
  const one = <T>(...of: T[]) => fc.constantFrom(...of);
  const remove = (path: string) => rmSync(place.at(path), { recursive: true, force: true });
  const exists = (path: string) => statSync(place.at(path), { throwIfNoEntry: false }) !== undefined;

  /** Each does one thing that people, editors and deployments do to files. */
  const edits = fc.oneof(
    fc.record({ act: one("write"), file: one(...FILES), text: one(...CONFIGS) }),
    fc.record({ act: one("write", "replace"), file: one(...REGISTRIES), text: one(...TABLES) }),
    fc.record({ act: one("remove", "touch"), file: one(...FILES, ...REGISTRIES, "secrets/key") }),
    fc.record({ act: one("mode"), file: one(...FILES, "secrets/key"), text: one("600", "644") }),
    fc.record({ act: one("rename"), file: one(...FILES), text: one(...FILES) }),
    fc.record({
      act: one("write"),
      file: one("secrets/key"),
      text: one("first-secret", "second-secret", ""),
    }),
    fc.record({ act: one("folder"), file: one("configs/devices/site", "registry", "configs/devices") }),
  );

  const apply = ({ act, file, text = "" }: { act: string; file: string; text?: string }) => {
    if (act === "write") return void place.write(file, text);
    if (act === "remove") return remove(file);
    if (act === "replace") {
      place.write(`${file}.tmp`, text);
      return renameSync(place.at(`${file}.tmp`), place.at(file));
    }
    if (act === "folder") {
      // Away, and back as a copy, as a deployment does.
      const away = `away/${file.replaceAll("/", "-")}`;
      if (!exists(file)) return exists(away) && cpSync(place.at(away), place.at(file), { recursive: true });
      remove(away);
      mkdirSync(place.at("away"), { recursive: true });
      return renameSync(place.at(file), place.at(away));
    }
    if (!exists(file)) return;
    if (act === "touch") return utimesSync(place.at(file), new Date(), new Date());
    if (act === "mode") return chmodSync(place.at(file), Number.parseInt(text, 8));
    mkdirSync(dirname(place.at(text)), { recursive: true });
    return renameSync(place.at(file), place.at(text));
  };

  test("the result equals that of a fresh load", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(edits, { minLength: 5, maxLength: 25 }), async (series) => {
        for (const name of readdirSync(place.folder)) remove(name);
        place.write("configs/bridge.json", { devices: "devices", registries: "../registry" });
        place.write("configs/devices/one.json", device());
        place.write("configs/devices/site/three.json", station(3));
        for (const file of REGISTRIES.slice(0, 3)) place.write(file, REGISTRY);
        place.write("registry/station.csv", STATION);
        place.write("secrets/key", "first-secret");
        const files = new BridgeFiles(options());
        for (const edit of series) {
          apply(edit);
          expect(outcome(await files.load())).toEqual(outcome(await loadAll(options())));
        }
      }),
      { numRuns: 25 },
    );
  });
});

test("1,000 configs: one changed registry is loaded in slices, in a fraction of a second, and nothing else changes", async () => {
  const text = JSON.stringify(device());
  for (let i = 0; i < 1000; i++) {
    if (i < 100) place.write(`configs/devices/site-${i}/0.json`, text);
    writeFileSync(place.at(`configs/devices/site-${i % 100}/${i}.json`), text);
  }
  const files = new BridgeFiles(options());
  const first = await files.load();
  // Until the times of the files prove that nothing has changed since they were read.
  await delay(2100);
  await files.load();
  place.write("registry/a.csv", other("power"));
  let longest = 0;
  let last = performance.now();
  const ticking = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  });
  const cpu = process.cpuUsage();
  const second = await files.load();
  clearInterval(ticking);
  const { user, system } = process.cpuUsage(cpu);
  expect(second.devices.every(({ settings }, i) => settings === first.devices[i]!.settings)).toBe(true);
  expect((user + system) / 1000, "milliseconds of processor time").toBeLessThan(500);
  // A slice takes 5 ms; the rest is the machine's.
  expect(longest, "longest pause of the event loop, in milliseconds").toBeLessThan(200);
});

import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Bridge, startBridge } from "../../src/bridge.ts";
import { createLog, Secrets } from "../../src/log/log.ts";
import { BridgeFiles } from "../../src/reload/bridge-files.ts";
import { type Simulator, startSimulator } from "../../src/simulator/index.ts";
import { eventually } from "../helpers/eventually.ts";
import { Mosquitto, mosquittoInstalled } from "../helpers/mosquitto.ts";
import { Recorder } from "../helpers/mqtt-recorder.ts";
import { Site } from "../helpers/site.ts";

const EVENT = "voltbridge/test/event";
const HEALTH = "voltbridge/test/health";
/** Time within which a change is in effect, in milliseconds. */
const SOON_MS = 5000;

const MINIMAL = `Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Writable
load,stationLoad,LoadRegister,,float,kW,FALSE
limit,allowedLoad,LoadRegister,,float,kW,TRUE
state,shedState,LoadRegister,1,integer,,FALSE
`;

/** A running bridge whose files are changed under it. */
describe.skipIf(!mosquittoInstalled)("files that change while the bridge runs", () => {
  let simulator: Simulator;
  let mosquitto: Mosquitto;
  let site: Site;
  let bridge: Bridge;
  let ear: Recorder;
  const registry = (name: string) => join(site.folder, "registry", name);
  const config = (name: string) => join(site.devices, `${name}.json`);

  beforeAll(async () => {
    simulator = await startSimulator({ stations: 12, traffic: false, incidents: false });
    mosquitto = await Mosquitto.run();
    ear = await Recorder.connect(mosquitto.url, { protocolVersion: 5 });
    const { endpoint, username, password, stationIDs } = simulator;
    site = new Site({
      ...{ endpoint, username, stationIDs: stationIDs.slice(0, 8) },
      password: { file: "../../password" } as never,
      bridge: {
        mqtt: { url: mosquitto.url, state: "both" },
        historian: { backend: "none" },
        actuator: { confirm_timeout: 10 },
      },
      device: { registry_config: "config://minimal.csv" },
    });
    site.write("configs/password", password);
    site.write("registry/minimal.csv", MINIMAL);
    const secrets = new Secrets();
    const files = new BridgeFiles({ config: site.config, secrets, env: {} });
    const loaded = await files.load();
    bridge = await startBridge({
      ...{ settings: loaded.settings, devices: loaded.devices, secrets, version: "1" },
      files: { loaded, load: () => files.load() },
      log: createLog({ level: "silent" }),
      onDiagnostics: (found) => expect(found).toEqual([]),
    });
    for (let i = 1; i <= 8; i++) await ear.find(`state/site/s${i}`);
  }, 30_000);
  afterAll(async () => {
    await bridge?.stop();
    await ear?.close();
    await mosquitto?.dispose();
    await simulator?.close();
    site?.remove();
  });

  const writes = () =>
    simulator.calls.filter(({ operation }) => /^(shedLoad|clearShedState)$/.test(operation));
  const applied = (from: number, passes: (text: string) => boolean) =>
    ear.find(EVENT, ({ text }) => text.includes("config_applied") && passes(text), from, SOON_MS);
  const here = () => ear.messages.length;
  const edit = (file: string, change: (text: string) => string) =>
    writeFileSync(file, change(readFileSync(file, "utf8")));

  test("F5: one device gets another interval; the others notice nothing, and nothing is written", async () => {
    const [from, calls] = [here(), writes().length];
    edit(config("s1"), (text) => text.replace('"interval": 1', '"interval": 2'));
    await applied(from, (text) => text.includes("site/s1 (interval 1 → 2 s)"));
    expect(bridge.devices.byPath.get("site/s1")!.intervalSeconds).toBe(2);
    expect(ear.messages.slice(from).some(({ topic }) => topic === "state/site/s2/availability")).toBe(false);
    expect(writes().length).toBe(calls);
  });

  test("F5: a renamed point takes its topics along, and the device stays online", async () => {
    const from = here();
    copyFileSync(registry("minimal.csv"), registry("other.csv"));
    edit(registry("other.csv"), (text) => text.replace("load,", "kw,"));
    edit(config("s2"), (text) => text.replace("minimal.csv", "other.csv"));
    await applied(from, (text) => text.includes("site/s2"));
    await ear.find("state/site/s2/kw", ({ text }) => text !== "", from);
    await ear.find("state/site/s2/load", ({ text }) => text === "", from);
    const told = ear.messages.slice(from).filter(({ topic }) => topic === "state/site/s2/availability");
    expect(told.filter(({ text }) => text !== "online")).toEqual([]);
    expect(await ear.json("state/site/s2", ({ text }) => text.includes("kw"), from)).not.toHaveProperty(
      "load",
    );
  });

  test("F4: a broken file keeps what runs, is named in event and health, and is applied within 5 s once it is mended", async () => {
    const from = here();
    const sound = readFileSync(config("s3"), "utf8");
    writeFileSync(config("s3"), sound.replace(/,/, ""));
    await ear.find(EVENT, ({ text }) => /config_error.*s3\.json:\d+:\d+/.test(text), from, SOON_MS);
    await ear.find(HEALTH, ({ text }) => /"config_error".*s3\.json:\d+:\d+/.test(text), from);
    await ear.find("devices/site/s3/all", undefined, here());
    writeFileSync(config("s3"), sound.replace('"interval": 1', '"interval": 3'));
    const mended = here();
    await applied(mended, (text) => text.includes("site/s3 (interval 1 → 3 s)"));
    await ear.find(EVENT, ({ text }) => text.includes("config_ok"), mended);
    await ear.find(HEALTH, ({ text }) => text.includes('"config":{"state":"ok"'), mended);
  });

  test("F4: a row with an error keeps the registry that runs, for every device with it", async () => {
    const from = here();
    edit(registry("minimal.csv"), (text) => text.replace("stationLoad", "stationLoda"));
    await ear.find(EVENT, ({ text }) => /config_error.*minimal\.csv:2/.test(text), from, SOON_MS);
    await ear.find("devices/site/s4/all", ({ text }) => text.includes('"load"'), here());
    edit(registry("minimal.csv"), (text) => text.replace("stationLoda", "stationLoad"));
    await ear.find(EVENT, ({ text }) => text.includes("config_ok"), from, SOON_MS);
    expect(ear.messages.slice(from).filter(({ text }) => text.includes("config_applied"))).toEqual([]);
  });

  test("F4: a registry that is missing keeps what runs", async () => {
    const from = here();
    renameSync(registry("other.csv"), registry("other.away"));
    await ear.find(EVENT, ({ text }) => /config_error.*s2\.json/.test(text), from, SOON_MS);
    await ear.find("devices/site/s2/all", undefined, here());
    renameSync(registry("other.away"), registry("other.csv"));
    await ear.find(EVENT, ({ text }) => text.includes("config_ok"), from, SOON_MS);
  });

  test("F5: a station is added and removed; its retained topics go with it", async () => {
    const from = here();
    edit(config("s4"), (text) => text);
    writeFileSync(
      config("late"),
      readFileSync(config("s4"), "utf8").replace(simulator.stationIDs[3]!, simulator.stationIDs[8]!),
    );
    await applied(from, (text) => text.includes("site/late"));
    await ear.find("state/site/late", ({ text }) => text !== "", from);
    const gone = here();
    rmSync(config("late"));
    await applied(gone, (text) => text.includes("1 removed: site/late"));
    for (const topic of ["state/site/late", "state/site/late/load", "state/site/late/availability"])
      await ear.find(topic, ({ text }) => text === "", gone);
    await expect(bridge.devices.commands.get("site/late", "load")).rejects.toThrow("there is no device");
  });

  test("a limit of a device that is removed is reverted first", async () => {
    const sentAt = new Date();
    const command = { id: "held-1", requester: "test", via: "test", sentAt };
    expect(await bridge.devices.commands.set("site/s5", "limit", 1, command)).toMatchObject({
      status: "confirmed",
    });
    const [from, before] = [here(), writes().length];
    const kept = readFileSync(config("s5"), "utf8");
    rmSync(config("s5"));
    await ear.find(EVENT, ({ text }) => text.includes("1 removed: site/s5"), from, 15_000);
    expect(
      writes()
        .slice(before)
        .map(({ operation }) => operation),
    ).toEqual(["clearShedState"]);
    expect(bridge.devices.control.sheds().held).toEqual([]);
    writeFileSync(config("s5"), kept);
    await applied(here() - 1, (text) => text.includes("1 added: site/s5"));
  });

  test("a file that is renamed keeps the limit of its station; nothing is written", async () => {
    const command = { id: "held-2", requester: "test", via: "test", sentAt: new Date() };
    expect(await bridge.devices.commands.set("site/s6", "limit", 2, command)).toMatchObject({
      status: "confirmed",
    });
    const [from, before] = [here(), writes().length];
    const pause = { ...command, id: "pause-1", sentAt: new Date() };
    expect(() => bridge.devices.control.pausing.pause("site/s6", pause)).toThrow("limit");
    renameSync(config("s6"), config("east"));
    await applied(from, (text) => text.includes("1 renamed: site/east (was site/s6"));
    expect(bridge.devices.control.sheds().held).toMatchObject([
      { device: "site/east", point: "limit", value: 2 },
    ]);
    await ear.find("state/site/s6", ({ text }) => text === "", from);
    await ear.find("state/site/east", ({ text }) => text.includes('"limit":2'), from);
    expect(writes().length).toBe(before);
    const back = { ...command, id: "held-3", sentAt: new Date() };
    expect(await bridge.devices.commands.revertPoint("site/east", "limit", back)).toMatchObject({
      status: "confirmed",
    });
    expect(bridge.devices.control.sheds().held).toEqual([]);
  });

  test("another station in the same file: the limit of the one before is reverted first", async () => {
    const command = { id: "held-5", requester: "test", via: "test", sentAt: new Date() };
    const set = await bridge.devices.commands.set("site/s7", "limit", 2, command);
    expect(set).toMatchObject({ status: "confirmed" });
    const [from, before] = [here(), writes().length];
    const [old, other] = [simulator.stationIDs[6]!, simulator.stationIDs[9]!];
    edit(config("s7"), (text) => text.replace(old, other));
    await ear.find(EVENT, ({ text }) => text.includes("1 changed: site/s7 (driver_config"), from, 15_000);
    expect(writes().slice(before)).toMatchObject([
      { operation: "clearShedState", request: { shedQuery: { shedStation: { stationID: old } } } },
    ]);
    expect(bridge.devices.control.sheds().held).toEqual([]);
    const back = here();
    edit(config("s7"), (text) => text.replace(other, old));
    await applied(back, (text) => text.includes("site/s7"));
  });

  test("a command under way is answered, and its limit follows the station that is renamed meanwhile", async () => {
    const effect = { kind: "delay", seconds: 1.5 } as const;
    const end = simulator.trouble.begin({ operation: "shedLoad", effect });
    const command = { id: "held-6", requester: "test", via: "test", sentAt: new Date() };
    const [from, before] = [here(), writes().length];
    const answer = bridge.devices.commands.set("site/s2", "limit", 2, command);
    await eventually(() => expect(writes().length).toBe(before + 1));
    renameSync(config("s2"), config("west"));
    expect(await answer).toMatchObject({ status: "confirmed" });
    end();
    await ear.find(EVENT, ({ text }) => text.includes("1 renamed: site/west"), from, 15_000);
    expect(bridge.devices.control.sheds().held).toMatchObject([{ device: "site/west", value: 2 }]);
    const revert = { ...command, id: "held-7", sentAt: new Date() };
    await bridge.devices.commands.revertDevice("site/west", revert);
    const back = here();
    renameSync(config("west"), config("s2"));
    await applied(back, (text) => text.includes("1 renamed: site/s2"));
    expect(writes().length).toBe(before + 2);
  });

  test("a second config of a station waits, with its reason, until the first is gone", async () => {
    const from = here();
    copyFileSync(config("s3"), config("twin"));
    await ear.find(
      EVENT,
      ({ text }) => /config_error.*twin\.json.*duplicate_station/.test(text),
      from,
      SOON_MS,
    );
    const reloading = bridge.reloader;
    expect(await reloading?.reload()).toMatchObject({
      result: "invalid",
      problems: [{ code: "duplicate_station", file: config("twin") }],
    });
    rmSync(config("s3"));
    await applied(from, (text) => text.includes("1 renamed: site/twin (was site/s3"));
    await ear.find(EVENT, ({ text }) => text.includes("config_ok"), from);
    renameSync(config("twin"), config("s3"));
    await applied(from, (text) => text.includes("1 renamed: site/s3"));
  });

  test("a pause follows its station to another path", async () => {
    const { pausing } = bridge.devices.control;
    const command = { id: "pause-2", requester: "test", via: "test", sentAt: new Date() };
    pausing.pause("site/s8", command);
    const from = here();
    edit(config("s8"), (text) => text.replace("{", '{ "topic": "site/s9",'));
    await applied(from, (text) => text.includes("1 renamed: site/s9"));
    expect(pausing.paused()).toMatchObject([{ device: "site/s9", requester: "test" }]);
    const back = here();
    edit(config("s8"), (text) => text.replace('"topic": "site/s9",', ""));
    await applied(back, (text) => text.includes("1 renamed: site/s8"));
    expect(
      ear.messages
        .slice(from)
        .some(({ topic, text }) => text.startsWith("[") && topic === "devices/site/s9/all"),
    ).toBe(false);
    pausing.resume("site/s8", { ...command, id: "pause-3", sentAt: new Date() });
    await ear.find("devices/site/s8/all", undefined, back);
  });

  test("F7: a rotated password is picked up from its file", async () => {
    const from = here();
    const account = { ...simulator };
    writeFileSync(join(site.folder, "configs", "password"), `${account.password}-new`);
    await ear.find(EVENT, ({ text }) => text.includes("credentials_refused"), from);
    writeFileSync(join(site.folder, "configs", "password"), account.password);
    const again = here();
    await applied(again, (text) => text.includes("driver_config"));
    await ear.find("devices/site/s7/all", undefined, here());
    expect(ear.messages.some(({ text }) => text.includes(account.password))).toBe(false);
  });

  test("a set: its devices follow its config, and go with it", async () => {
    const from = here();
    const { endpoint, username } = simulator;
    const set = {
      driver_type: "chargepoint",
      topic: "set/{stationID}",
      driver_config: {
        stations: { stationName: "*" },
        endpoint,
        username,
        password: { file: "../../password" },
      },
      registry_config: "config://minimal.csv",
      interval: 1,
    };
    const file = "configs/devices/site/set.json";
    const present = () =>
      [...bridge.devices.byPath.keys()].filter((path) => /^(set|pool)\//.test(path)).sort();
    site.write(file, set);
    await eventually(() => expect(present()).toHaveLength(4));
    const [member] = present();
    const command = { id: "held-8", requester: "test", via: "test", sentAt: new Date() };
    await ear.find(`devices/${member}/all`, undefined, from);
    expect(await bridge.devices.commands.set(member!, "limit", 2, command)).toMatchObject({
      status: "confirmed",
    });
    const before = writes().length;
    site.write(file, { ...set, interval: 2 });
    await eventually(() => expect(bridge.devices.byPath.get(member!)!.intervalSeconds).toBe(2));
    site.write(file, { ...set, interval: 2, topic: "pool/{stationID}" });
    const moved = member!.replace("set/", "pool/");
    await eventually(() => expect(bridge.devices.control.sheds().held).toMatchObject([{ device: moved }]));
    expect(present().every((path) => path.startsWith("pool/"))).toBe(true);
    await ear.find(`state/${member}`, ({ text }) => text === "", from);
    expect(writes().length).toBe(before);
    rmSync(join(site.folder, file));
    await eventually(() => expect(present()).toEqual([]));
    expect(writes().slice(before)).toMatchObject([{ operation: "clearShedState" }]);
    expect(bridge.devices.control.sheds().held).toEqual([]);
  });

  test("F6: the folder is moved away and back: nothing is freed or forgotten until it is confirmed", async () => {
    const [from, before] = [here(), writes().length];
    const away = join(site.folder, "away");
    renameSync(site.devices, away);
    await ear.find(EVENT, ({ text }) => text.includes("config_unconfirmed"), from, SOON_MS);
    expect(bridge.devices.infos.length).toBe(8);
    renameSync(away, site.devices);
    await ear.find(EVENT, ({ text }) => text.includes("config_ok"), from, SOON_MS);
    expect(writes().length).toBe(before);
    expect(ear.messages.slice(from).filter(({ text }) => text.includes("config_applied"))).toEqual([]);
  });

  test("limits of a site change while the bridge runs; other settings are named", async () => {
    const from = here();
    const bridgeFile = JSON.parse(readFileSync(site.config, "utf8"));
    const limits = { yard: { devices: ["site/s7"], max_kw: 3, points: { limit: "limit", load: "load" } } };
    site.write("configs/bridge.json", { ...bridgeFile, limits, driver: { driver_scrape_interval: 0.01 } });
    await ear.find(EVENT, ({ text }) => /config_after_restart.*driver/.test(text), from, SOON_MS);
    await eventually(() => expect(bridge.mqtt.connected).toBe(true));
    const health = await ear.json(HEALTH, ({ text }) => text.includes('"afterRestart":["driver"]'), from);
    expect(health).toMatchObject({ config: { state: "ok" } });
  });

  test("reload.holds: with refuse the device stays while a limit is in force, with keep the limit ends by itself", async () => {
    const bridgeFile = JSON.parse(readFileSync(site.config, "utf8"));
    const command = { id: "held-4", requester: "test", via: "test", sentAt: new Date() };
    expect(await bridge.devices.commands.set("site/s4", "limit", 2, command)).toMatchObject({
      status: "confirmed",
    });
    const [from, before] = [here(), writes().length];
    site.write("configs/bridge.json", { ...bridgeFile, reload: { holds: "refuse" } });
    rmSync(config("s4"));
    await ear.find(EVENT, ({ text }) => /config_error.*site\/s4.*limit/.test(text), from, SOON_MS);
    await ear.find("devices/site/s4/all", undefined, here());
    site.write("configs/bridge.json", { ...bridgeFile, reload: { holds: "keep" } });
    await applied(from, (text) => text.includes("1 removed: site/s4"));
    await ear.find(EVENT, ({ text }) => text.includes("hold_released"), from);
    const toIt = writes()
      .slice(before)
      .filter(({ request }) => JSON.stringify(request).includes(simulator.stationIDs[3]!));
    expect(toIt).toEqual([]);
  });

  test("fifty changes in a row leave no handle behind, and no other device misses a scrape", async () => {
    const rounds: number[] = [];
    const end = bridge.bus.on("scrape", ({ device, synchronizedAt }) => {
      if (device.path === "site/s7") rounds.push(synchronizedAt.getTime());
    });
    const handles = () => process.getActiveResourcesInfo().filter((name) => name !== "Timeout").length;
    const before = handles();
    for (let i = 0; i < 50; i++) {
      const from = here();
      edit(config("s8"), (text) => text.replace(/"interval": \d+/, `"interval": ${2 + (i % 2)}`));
      await bridge.reloader!.filesChanged();
      await applied(from, (text) => text.includes("site/s8"));
    }
    expect(handles()).toBeLessThanOrEqual(before + 2);
    await eventually(() => expect(rounds.length).toBeGreaterThan(2));
    end();
    // Scrapes outside the rounds follow writes.
    expect(rounds.every((at, i) => i === 0 || at - rounds[i - 1]! <= 1000)).toBe(true);
  });

  test("a folder that is gone for good is removed with a confirmation", async () => {
    mkdirSync(join(site.folder, "empty"));
    rmSync(site.devices, { recursive: true });
    const reloading = bridge.reloader;
    expect(await reloading?.reload()).toMatchObject({ result: "unconfirmed" });
    expect(await reloading?.reload({ preview: true, confirm: true })).toMatchObject({ result: "applied" });
    expect(bridge.devices.infos.length).toBeGreaterThan(0);
    expect(await reloading?.reload({ confirm: true })).toMatchObject({ result: "applied" });
    expect(bridge.devices.infos.length).toBe(0);
  });
});

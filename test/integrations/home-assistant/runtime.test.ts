import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { MqttSettings } from "../../../src/config/index.ts";
import { StateStore } from "../../../src/storage/state-store.ts";
import { eventually } from "../../helpers/eventually.ts";
import { HomeAssistant } from "../../helpers/home-assistant-double.ts";
import { Mosquitto, type MosquittoOptions, mosquittoInstalled } from "../../helpers/mosquitto.ts";
import { Recorder } from "../../helpers/mqtt-recorder.ts";
import { jinjaInstalled } from "../../helpers/python.ts";
import { IntegrationRig, station } from "../rig.ts";
import { idOf, on } from "./settings.ts";

const STATION = "1:101";
const id = (key: string) => idOf(STATION, key);
const WHOLE = "registry/chargepoint.csv";
const DISCOVERY = /^homeassistant\/.*\/config$/;

async function begin(
  options: {
    readonly settings?: Parameters<typeof on>[0];
    readonly mqtt?: Partial<MqttSettings>;
    readonly broker?: MosquittoOptions;
    readonly csv?: string;
  } = {},
) {
  const stack = new AsyncDisposableStack();
  onTestFinished(() => stack.disposeAsync());
  const broker = stack.adopt(await Mosquitto.run(options.broker), (one) => one.dispose());
  const rig = stack.adopt(
    new IntegrationRig(on(options.settings), { url: broker.url, ...options.mqtt }),
    (one) => one.dispose(),
  );
  rig.add(station("site/a", STATION, options.csv));
  const ear = stack.adopt(await Recorder.connect(broker.url, { protocolVersion: 4 }), (one) => one.close());
  const home = stack.adopt(new HomeAssistant(broker.url), (one) => one.stop());
  await home.start();
  /** Waits until an entity has this value. */
  const shows = (key: string, value: string | null, stationID = STATION) =>
    eventually(async () => {
      const entity = (await home.entities()).get(idOf(stationID, key));
      expect(entity).toEqual({ available: true, value });
    });
  return { broker, rig, home, ear, shows };
}

/** Topics of discovery that a broker retains. */
async function retainedAt(broker: Mosquitto): Promise<string[]> {
  const reader = await Recorder.connect(broker.url, {}, "homeassistant/#");
  await delay(300);
  await reader.close();
  return reader.messages.filter(({ retained }) => retained).map(({ topic }) => topic);
}

describe.skipIf(!mosquittoInstalled || !jinjaInstalled)("Home Assistant at run time", () => {
  const LIMIT = "port1_Load_allowedLoad";
  const DURATION = "station_limit_duration";
  const ANSWER = "station_last_command";
  let limitPoint = "";
  beforeAll(() => {
    const { points } = station("site/a", STATION);
    limitPoint = [...points.values()].find(
      ({ origin }) => origin?.measure === "limit" && origin.port === "1",
    )!.name;
  });

  test("a limit, its duration, and the button that clears it", async () => {
    const { rig, home, shows } = await begin();
    await rig.start();
    await shows(DURATION, "0");
    await home.command(id(LIMIT), "3.5");
    await shows(ANSWER, "confirmed");
    expect(rig.calls).toMatchObject([
      {
        device: "site/a",
        point: limitPoint,
        value: 3.5,
        command: { requester: "home-assistant", via: "home-assistant" },
      },
    ]);
    const [{ command }] = rig.calls as [(typeof rig.calls)[number]];
    expect(command.durationMinutes).toBeUndefined();
    expect(command.expiresAt!.getTime() - command.sentAt.getTime()).toBeGreaterThan(50_000);
    await home.command(id(DURATION), "30");
    await shows(DURATION, "30");
    await rig.stop();
    await rig.start();
    await shows(DURATION, "30");
    await home.command(id(LIMIT), "2");
    await home.command(id("port1_clear_limit"), "PRESS");
    await eventually(() => expect(rig.calls.length).toBe(3));
    expect(rig.calls[1]).toMatchObject({ value: 2, command: { durationMinutes: 30 } });
    expect(rig.calls[2]!.command.durationMinutes).toBeUndefined();
    expect(home.complaints).toEqual([]);
  });

  test("junk, numbers out of range, retained and unknown commands reach no device, and say why", async () => {
    const { rig, home, ear, shows } = await begin();
    await rig.start();
    await shows(DURATION, "0");
    const topic = (key: string) => home.find(id(key)).config.command_topic as string;
    const junk = [
      "",
      "null",
      "NaN",
      "Infinity",
      "0x10",
      "1,5",
      "-1",
      "501",
      "3.5 kW",
      "[1]",
      "9".repeat(70_000),
    ];
    for (const payload of junk) {
      const from = ear.messages.length;
      await ear.send(topic(LIMIT), payload);
      const answer = (await ear.json(
        topic(LIMIT).replace(/[^/]+\/set$/, "answer"),
        () => true,
        from,
      )) as object;
      expect(answer, payload.slice(0, 20)).toMatchObject({ status: "refused", entity: "Port 1 limit" });
    }
    await shows(ANSWER, "refused");
    await ear.send(topic(DURATION), "1.5");
    await ear.send(topic(DURATION), "10081");
    await ear.send(topic("port1_clear_limit"), "press");
    await home.command(id(LIMIT), "3.5", { retain: true });
    await ear.send("voltbridge/main/home_assistant/voltbridge_1_999/station_x/set", "1");
    await eventually(() =>
      expect(rig.notices.map(({ kind }) => kind)).toEqual([
        "home_assistant_retained",
        "home_assistant_unknown",
      ]),
    );
    await shows(DURATION, "0");
    expect(rig.calls).toEqual([]);
    const counters = rig.integrations!.counters.homeAssistant!;
    expect(counters).toMatchObject({
      connected: true,
      commands: junk.length + 5,
      refusedCommands: junk.length + 5,
    });
  });

  test("a set point that is refused: its state is published again, and the answer says why", async () => {
    const { rig, home, ear, shows } = await begin();
    await rig.start();
    await shows(DURATION, "0");
    rig.outcome = {
      status: "refused",
      error: "OverrideError",
      text: "the device is under an override",
      readBack: undefined,
    };
    const from = ear.messages.length;
    await home.command(id(LIMIT), "3.5");
    await ear.find("state/site/a", () => true, from);
    await shows(ANSWER, "refused");
    const answer = await ear.json("voltbridge/main/home_assistant/voltbridge_1_101/answer", () => true, from);
    expect(answer).toMatchObject({
      error: "OverrideError",
      text: "the device is under an override",
      asked: 3.5,
    });
  });

  test("names with quotes, emoji, 200 characters, and equal names are text", async () => {
    const { rig, home, shows } = await begin();
    const names = [`"Garage" '{{ 7 * 7 }}' \\ </b>`, "Ladesäule 🚗⚡", "x".repeat(200), "Same", "Same", " "];
    names.forEach((name, i) => {
      const path = `site/n${i}`;
      rig.names.set(path, name);
      rig.add(station(path, `1:${200 + i}`));
    });
    await rig.start();
    for (const i of names.keys()) await shows("station_Load_stationLoad", "6.6", `1:${200 + i}`);
    const shown = names.map((_, i) => {
      const { config } = home.find(idOf(`1:${200 + i}`, "station_Load_stationLoad"));
      return (config.device as { name: string }).name;
    });
    expect(shown).toEqual([...names.slice(0, 5), "n5"]);
    expect(home.complaints).toEqual([]);
  });

  test("what has not changed is not sent; a new name and a first energy are, and are there at once after a restart", async () => {
    const { rig, home, ear, shows } = await begin();
    await rig.start();
    await shows("station_Load_stationLoad", "6.6");
    const sent = (from: number) => ear.messages.slice(from).filter(({ topic }) => DISCOVERY.test(topic));
    let from = ear.messages.length;
    for (let i = 0; i < 5; i++) rig.scrape(7 + i);
    await shows("station_Load_stationLoad", "11");
    expect(sent(from)).toEqual([]);
    rig.names.set("site/a", "A new name");
    rig.scrape();
    await eventually(() => expect(sent(from).length).toBe(1));
    const energy = {
      stationID: STATION,
      port: "1",
      energyKwh: 12.5,
      sessions: 3,
      at: "2026-11-21T08:00:00Z",
    };
    rig.energies.push(energy);
    rig.bus!.emit("energy", energy);
    await eventually(() => expect(sent(from).length).toBe(2));
    expect(home.find(id("port1_lifetime_energy")).config).toMatchObject({ device: { name: "A new name" } });
    const last = sent(from).at(-1)!.text;
    await rig.stop();
    from = ear.messages.length;
    await rig.start();
    await eventually(() => expect(sent(from).length).toBe(2));
    expect(sent(from).map(({ text }) => text)).toContain(last);
    // Home Assistant starts: everything is sent once more.
    from = ear.messages.length;
    await ear.send("homeassistant/status", "online");
    await eventually(() => expect(sent(from).length).toBe(2));
  });

  test("another form: entities move with migrate_discovery, both ways, and none is removed", async () => {
    const { broker, rig, home, ear, shows } = await begin();
    await rig.start();
    await shows("station_Load_stationLoad", "6.6");
    const ids = [...(await home.entities()).keys()].sort();
    for (const discovery of ["component", "device"] as const) {
      const from = ear.messages.length;
      rig.integrations!.change({ ...rig.settings, ...on({ discovery }) });
      const moved = (topic: string) => (discovery === "device") === topic.startsWith("homeassistant/device/");
      await eventually(async () => {
        expect([...home.discovered.values()].filter(({ source }) => !moved(source))).toEqual([]);
        expect([...(await home.entities()).keys()].sort()).toEqual(ids);
      });
      expect((await retainedAt(broker)).filter((topic) => !moved(topic))).toEqual([]);
      expect(ear.messages.slice(from).some(({ text }) => text === '{"migrate_discovery":true}')).toBe(true);
      await shows("station_Load_stationLoad", "6.6");
    }
    expect(home.removals).toEqual([]);
    expect(home.complaints).toEqual([]);
  });

  test.each(["component", "device"] as const)(
    "killed halfway from one form to the other, and started in the form %s: every entity is there once",
    async (discovery) => {
      const { broker, rig, home, ear, shows } = await begin();
      await rig.start();
      await shows("station_Load_stationLoad", "6.6");
      const ids = [...(await home.entities()).keys()].sort();
      const bridge = [...home.discovered.values()].length;
      await rig.stop();
      // What a run has left that was killed on the way from `device` to `component`.
      const document = "homeassistant/device/voltbridge_1_101/config";
      const halfway = [...home.discovered].filter(([, { source }]) => source === document).slice(0, 5);
      await ear.send(document, '{"migrate_discovery":true}', { retain: true });
      for (const [hash, { config }] of halfway)
        await ear.send(`homeassistant/${hash.replaceAll(" ", "/")}/config`, JSON.stringify(config), {
          retain: true,
        });
      await eventually(() =>
        expect([...home.discovered.values()].filter(({ isMoving }) => isMoving).length).toBeLessThan(
          bridge - 5,
        ),
      );
      const state = StateStore.open(join(rig.folder, "state.sqlite"));
      const records = state.namespace("integration homeAssistant");
      const record = records.get("device voltbridge_1_101") as Record<string, Record<string, string>>;
      const pending = { ...record.published, form: "component" };
      records.set("device voltbridge_1_101", { ...record, pending, checksum: "" });
      state.close();

      rig.settings = { ...rig.settings, ...on({ discovery }) };
      await rig.start();
      await shows("station_Load_stationLoad", "6.6");
      await eventually(async () => expect([...(await home.entities()).keys()].sort()).toEqual(ids));
      const moved = (topic: string) => (discovery === "device") === topic.startsWith("homeassistant/device/");
      await eventually(async () => {
        expect((await retainedAt(broker)).filter((topic) => !moved(topic))).toEqual([]);
      });
      await home.restart();
      await eventually(async () => expect([...(await home.entities()).keys()].sort()).toEqual(ids));
      expect(home.removals).toEqual([]);
      expect(home.complaints).toEqual([]);
    },
  );

  test("another prefix: nothing is left below the earlier one", async () => {
    const { broker, rig, ear, shows } = await begin();
    await rig.start();
    await shows("station_Load_stationLoad", "6.6");
    rig.integrations!.change({ ...rig.settings, ...on({ prefix: "other/ha" }) });
    await ear.find("other/ha/device/voltbridge_1_101/config");
    await eventually(async () => expect(await retainedAt(broker)).toEqual([]));
  });

  test("a broker that takes small packets only gets a message for each entity, and keeps getting them", async () => {
    const { broker, rig, home, shows } = await begin({
      broker: { config: ["max_packet_size 12000"] },
      csv: WHOLE,
    });
    await rig.start();
    await shows("station_Load_stationLoad", "6.6");
    expect([...home.discovered.values()].length).toBeGreaterThan(30);
    expect(rig.notices.map(({ kind }) => kind)).toContain("home_assistant_refused");
    await rig.stop();
    rig.notices.length = 0;
    await rig.start();
    await home.restart();
    await shows("station_Load_stationLoad", "6.6");
    expect(rig.notices.filter(({ kind }) => kind === "home_assistant_refused")).toEqual([]);
    expect((await retainedAt(broker)).length).toBeGreaterThan(30);
    expect(home.complaints).toEqual([]);
  });

  test("without the state view it does not run, and says what to do", async () => {
    const { rig } = await begin({ mqtt: { state: "off" } });
    await rig.start();
    await eventually(() => expect(rig.notices.map(({ kind }) => kind)).toEqual(["integration_failed"]));
    expect(rig.notices[0]!.text).toContain('mqtt.state is "off"; set it to "json"');
    expect(rig.integrations!.counters).toEqual({});
  });

  test("a base topic is before all topics but those of discovery", async () => {
    const { rig, home, shows } = await begin({ mqtt: { baseTopic: "plant/7" } });
    await rig.start();
    await shows(DURATION, "0");
    expect(home.find(id(LIMIT)).config).toMatchObject({
      command_topic: "plant/7/voltbridge/main/home_assistant/voltbridge_1_101/port1_Load_allowedLoad/set",
    });
    await home.command(id(LIMIT), "4");
    await shows(ANSWER, "confirmed");
  });

  test("1,000 stations are told within 30 s, and nothing else waits for that", async () => {
    const { rig, home, ear } = await begin();
    // It would share the event loop that is measured.
    await home.stop();
    for (let i = 0; i < 1000; i++) {
      const device = station(`fleet/s${i}`, `1:${1000 + i}`);
      rig.devices.set(device.path, device);
    }
    await rig.start();
    await delay(500);
    const loop = monitorEventLoopDelay({ resolution: 5 });
    loop.enable();
    const began = performance.now();
    await eventually(() => {
      const told = new Set(
        ear.messages.filter(({ topic }) => DISCOVERY.test(topic)).map(({ topic }) => topic),
      );
      expect(told.size).toBe(1002);
    }, 60_000);
    const tookMs = performance.now() - began;
    loop.disable();
    expect(tookMs).toBeLessThan(30_000);
    expect(loop.percentile(99) / 1e6).toBeLessThan(100);
  });
});

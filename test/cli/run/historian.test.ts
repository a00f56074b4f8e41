import { rmSync } from "node:fs";
import { connectAsync, type MqttClient } from "mqtt";
import { describe, expect, test } from "vitest";
import { broker, endings } from "../../helpers/endings.ts";
import { Mosquitto, mosquittoInstalled } from "../../helpers/mosquitto.ts";
import { Recorder } from "../../helpers/mqtt-recorder.ts";
import { cli, RunningCli } from "../in-process.ts";
import { Workplace } from "../workplace.ts";

function site(
  url: string,
  more: Record<string, unknown> = {},
): { readonly place: Workplace; readonly config: string } {
  const place = new Workplace({ "bridge.json": { instance: "desk", data: "data", mqtt: { url }, ...more } });
  endings.push(() => place.remove());
  return { place, config: place.at("bridge.json") };
}

async function publisher(url: string): Promise<MqttClient> {
  const client = await connectAsync(url);
  endings.push(() => client.endAsync());
  return client;
}

/** Starts it within this process; it ends with the test, cleanly. */
async function start(config: string, ...args: string[]): Promise<RunningCli> {
  const running = new RunningCli(["historian", "--config", config, ...args]);
  endings.push(() => running.stop());
  await running.printed(/taking messages from/);
  return running;
}

/** `[time, value]` of a topic, oldest first. */
async function stored(config: string, topic: string): Promise<[string, unknown][]> {
  const { code, stdout, stderr } = await cli(["history", "query", topic, "--config", config, "--json"]);
  // There is none before the first value.
  if (code !== 0) {
    expect(stderr).toMatch(/there is no history at|the historian has no topic/);
    return [];
  }
  return JSON.parse(stdout).values[topic] ?? [];
}

async function eventually<T>(
  ask: () => Promise<T>,
  holds: (answer: T) => boolean,
  deadlineMs = 10_000,
): Promise<T> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const answer = await ask();
    if (holds(answer)) return answer;
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms; at last: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe.skipIf(!mosquittoInstalled)("voltbridge historian", () => {
  test("stores what anybody publishes, says how it is, and ends cleanly", async () => {
    const { url } = await broker();
    const { config } = site(url);
    const ear = await Recorder.connect(url);
    endings.push(() => ear.close());
    const running = await start(config);
    const client = await publisher(url);
    const TimeStamp = "2026-11-21T08:00:01.250001+00:00";
    await client.publishAsync("devices/a/b/all", JSON.stringify([{ load: 4.5 }, {}, { TimeStamp }]), {
      qos: 1,
    });
    await client.publishAsync(
      "datalogger/x",
      JSON.stringify({ p: { Readings: [TimeStamp, 7], Units: "kW" } }),
    );
    await client.publishAsync(
      "record/r",
      JSON.stringify({ headers: { Date: TimeStamp }, message: { any: [1] } }),
    );
    await client.publishAsync("analysis/c", JSON.stringify([{ q: true }, {}, { TimeStamp }]));
    await client.publishAsync("record/bad", "no JSON");
    for (const [topic, value] of [
      ["a/b/load", 4.5],
      ["datalogger/x/p", 7],
      ["record/r", { any: [1] }],
      ["c/q", true],
    ] as const)
      expect(
        await eventually(
          () => stored(config, topic),
          (rows) => rows?.length > 0,
        ),
      ).toEqual([[TimeStamp, value]]);

    expect((await ear.find("voltbridge/desk/historian/state")).text).toBe("online");
    const shown = await cli(["status", "--config", config]);
    expect(shown).toMatchObject({ code: 0 });
    expect(shown.stdout).toMatch(/^desk\/historian is online: version/);
    expect(shown.stdout).toMatch(/listening true/);
    await running.printed(/message not stored: the message is not JSON.*reason=not_json topic=record\/bad/);
    expect(await running.stop()).toMatchObject({ code: 0, stdout: "" });
    expect(
      (await ear.find("voltbridge/desk/historian/state", ({ text }) => text === "offline")).retained,
    ).toBe(false);
    const after = await cli(["status", "--config", config]);
    expect(after.code).toBe(1);
  });

  test("A8: neither broker nor store is there at the start; it stores when both have come", async () => {
    const mosquitto = await Mosquitto.prepare();
    endings.push(() => mosquitto.dispose());
    const { place, config } = site(mosquitto.url);
    // A folder where the file should be: the store is away.
    place.write("data/historian.sqlite/in-the-way", "");
    const running = new RunningCli(["historian", "--config", config]);
    endings.push(() => running.stop());
    await running.printed(/messages cannot be taken from/);
    await running.printed(/history is not being stored/);
    await mosquitto.start();
    await running.printed(/taking messages from/);
    const client = await publisher(mosquitto.url);
    await client.publishAsync("record/x", "5", { qos: 1 });
    rmSync(place.at("data/historian.sqlite"), { recursive: true });
    await eventually(
      () => stored(config, "record/x"),
      (rows) => rows?.length === 1,
      60_000,
    );
  }, 70_000);

  test("two share the messages; each has a folder and a session of its own", async () => {
    const { url } = await broker();
    const { config } = site(url);
    await start(config, "--name", "one", "--share", "history");
    await start(config, "--name", "two", "--share", "history");
    const client = await publisher(url);
    for (let i = 0; i < 40; i++) await client.publishAsync("record/x", `${i}`, { qos: 1 });
    const rows = await eventually(
      () => stored(config, "record/x"),
      (found) => found?.length >= 40,
    );
    expect(rows.map(([, value]) => value).sort()).toEqual(Array.from({ length: 40 }, (_, i) => i).sort());
    const { stdout } = await cli(["status", "--config", config, "--json"]);
    const shares = JSON.parse(stdout).map(
      (one: { health: { intake: { received: number } } }) => one.health.intake,
    );
    expect(shares).toHaveLength(2);
  });

  test("a bridge and a historian of one config run side by side", async () => {
    const { url } = await broker();
    const { place, config } = site(url, { devices: "devices", registries: "registry" });
    place.write("devices/lab/one.json", {
      driver_type: "fake",
      driver_config: {},
      registry_config: "config://fake.csv",
      interval: 1,
    });
    place.write(
      "registry/fake.csv",
      "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes\nload,constant(3.6),FakeRegister,1,float,kW,,FALSE,\n",
    );
    await start(config);
    const bridge = new RunningCli(["run", "--config", config]);
    endings.push(() => bridge.stop());
    await bridge.printed(/connected to/);
    const rows = await eventually(
      () => stored(config, "lab/one/load"),
      (found) => found?.length >= 3,
    );
    const times = rows.map(([time]) => time);
    expect(new Set(times).size).toBe(times.length);
    const { stdout, code } = await cli(["status", "--config", config]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^desk is online/m);
    expect(stdout).toMatch(/^desk\/historian is online/m);
  });
});

describe("voltbridge historian cannot start", () => {
  test.each([
    ["the historian is disabled", { historian: { backend: "none" } }, /historian is disabled/],
    ["only to be read", { historian: { readonly: true } }, /historian\.readonly is true/],
    [
      "nothing to capture",
      {
        historian: {
          capture_device_data: false,
          capture_log_data: false,
          capture_record_data: false,
          capture_analysis_data: false,
        },
      },
      /nothing to capture/,
    ],
  ])("%s", async (_why, settings, reason) => {
    const { config } = site("mqtt://127.0.0.1:1", settings);
    const { code, stderr } = await cli(["historian", "--config", config]);
    expect({ code, stderr }).toEqual({ code: 78, stderr: expect.stringMatching(reason) });
  });

  test("another one has its folder", async () => {
    const { config } = site("mqtt://127.0.0.1:1");
    const first = new RunningCli(["historian", "--config", config]);
    endings.push(() => first.stop());
    await first.printed(/running/);
    const { code, stderr } = await cli(["historian", "--config", config]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/data folder .*data\/historian is in use by process \d+/);
  });

  test.each([["../up"], ["a/b"], [""], ["+"]])("--name %j is a usage error", async (name) => {
    expect((await cli(["historian", "--name", name])).code).toBe(2);
  });
});

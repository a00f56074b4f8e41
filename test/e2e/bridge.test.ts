import { EventEmitter, once } from "node:events";
import { connectAsync, type MqttClient } from "mqtt";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../../src/simulator/index.ts";
import { cli, RunningCli } from "../cli/in-process.ts";
import { freePort, Mosquitto, mosquittoInstalled } from "../helpers/mosquitto.ts";
import { Site } from "../helpers/site.ts";
import { RunningVoltbridge } from "../helpers/voltbridge.ts";

const FULL_KW = 7.2;

interface BrokerCase {
  readonly name: string;
  readonly installed: boolean;
  start(): Promise<{ url: string; settings: Record<string, unknown>; stop(): Promise<unknown> }>;
}

const mosquitto =
  (version: 4 | 5): BrokerCase["start"] =>
  async () => {
    const broker = await Mosquitto.run();
    const settings = { url: broker.url, protocol_version: version };
    return { url: broker.url, settings, stop: () => broker.dispose() };
  };

const brokers: BrokerCase[] = [
  { name: "Mosquitto over MQTT 5", installed: mosquittoInstalled, start: mosquitto(5) },
  { name: "Mosquitto over MQTT 3.1.1", installed: mosquittoInstalled, start: mosquitto(4) },
  {
    name: "the embedded broker",
    installed: true,
    async start() {
      const port = await freePort();
      return {
        url: `mqtt://127.0.0.1:${port}`,
        settings: { embedded: { port } },
        stop: async () => undefined,
      };
    },
  },
];

/** Collects what is published, and waits for what is wanted. */
class Subscriber {
  readonly messages: { topic: string; payload: string; retain: boolean }[] = [];
  readonly #client: MqttClient;
  readonly #taken = new EventEmitter();

  private constructor(client: MqttClient) {
    this.#client = client;
    client.on("message", (topic, payload, { retain }) => {
      this.messages.push({ topic, payload: payload.toString(), retain });
      this.#taken.emit("message");
    });
  }

  static async to(url: string): Promise<Subscriber> {
    const subscriber = new Subscriber(await connectAsync(url));
    await subscriber.#client.subscribeAsync("#", { qos: 1 });
    return subscriber;
  }

  /** The first message from now on whose topic and parsed payload are as wanted. */
  async next(topic: string, wanted: (payload: never) => boolean = () => true): Promise<unknown> {
    for (let from = this.messages.length; ; ) {
      for (; from < this.messages.length; from++) {
        const message = this.messages[from]!;
        if (message.topic !== topic) continue;
        const payload = parse(message.payload);
        if (wanted(payload as never)) return payload;
      }
      await once(this.#taken, "message");
    }
  }

  async end(): Promise<void> {
    await this.#client.endAsync(true);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

type All = [
  Record<string, number | string | null>,
  Record<string, { units: string }>,
  Record<string, string>,
];

// One story each: one bridge, from its first scrape to its end; the first of them in a process of its own.
describe.each(brokers)("the bridge through $name", ({ name, installed, start }) => {
  let simulator: Simulator;
  let broker: Awaited<ReturnType<typeof start>>;
  let site: Site;
  let stop: (() => Promise<number | null>) | undefined;
  let subscriber: Subscriber;

  beforeAll(async () => {
    simulator = await startSimulator({ stations: 2, traffic: false, incidents: false });
    simulator.world.plugIn(simulator.stationIDs[0]!, "1", { kw: FULL_KW, needKwh: 500 });
    simulator.world.plugIn(simulator.stationIDs[0]!, "2", { kw: FULL_KW, needKwh: 500 });
    if (!installed) return;
    broker = await start();
    site = new Site({ ...simulator, bridge: { mqtt: broker.settings } });
    const args = ["run", "--config", site.config];
    if (name === brokers[0]!.name) {
      const bridge = new RunningVoltbridge(args);
      stop = () => bridge.stop("SIGTERM");
      await bridge.printed(/running devices=2/);
    } else {
      const bridge = new RunningCli(args);
      stop = async () => (await bridge.stop()).code;
      await bridge.printed(/running devices=2/);
    }
    subscriber = await Subscriber.to(broker.url);
  });
  afterAll(async () => {
    await subscriber?.end();
    await stop?.();
    await broker?.stop();
    site?.remove();
    await simulator.close();
  });
  beforeEach((context) => context.skip(!installed));

  test("scrapes are published and stored, a set point limits a port, a revert frees it", async () => {
    const [values, metadata, headers] = (await subscriber.next("devices/site/s1/all")) as All;
    expect(values).toMatchObject({
      portLoad_1: FULL_KW,
      portLoad_2: FULL_KW,
      Status_1: "INUSE",
      shedState_1: 0,
      allowedLoad_1: 0,
    });
    expect(metadata.portLoad_1).toEqual({ units: "kW", type: "float", tz: "UTC" });
    expect(headers.TimeStamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/);
    expect(headers.SynchronizedTimeStamp).toMatch(/:\d\d\.000000\+00:00$/);

    const seen = simulator.calls.length;
    const set = await cli(["set", "site/s1/allowedLoad_1", "3.3", "--url", broker.url, "--json"]);
    expect(JSON.parse(set.stdout)).toMatchObject({
      status: "confirmed",
      requested: 3.3,
      readBack: 3.3,
      code: "100",
    });
    expect(set.code).toBe(0);
    const limited = (await subscriber.next("devices/site/s1/all", ([v]: All) => v.shedState_1 === 1)) as All;
    expect(limited[0]).toMatchObject({
      allowedLoad_1: 3.3,
      portLoad_1: 3.3,
      shedState_2: 0,
      portLoad_2: FULL_KW,
    });

    const sheds = simulator.calls.slice(seen).filter((call) => call.operation === "shedLoad");
    expect(sheds).toHaveLength(1);

    const revert = await cli(["revert", "site/s1/allowedLoad_1", "--url", broker.url, "--json"]);
    expect(JSON.parse(revert.stdout)).toMatchObject({ status: "confirmed", code: "100" });
    const freed = (await subscriber.next("devices/site/s1/all", ([v]: All) => v.shedState_1 === 0)) as All;
    expect(freed[0]).toMatchObject({ portLoad_1: FULL_KW, allowedLoad_1: 0 });

    const get = await cli(["get", "site/s1/stationLoad", "--url", broker.url]);
    expect(get.stdout).toBe(`${2 * FULL_KW}\n`);

    const topic = "site/s1/portLoad_1";
    const query = ["history", "query", topic, "--start", "now -10m", "--config", site.config, "--json"];
    // The recorder gathers for a second before it writes.
    await expect
      .poll(async () => Object.values(JSON.parse((await cli(query)).stdout).values)[0], {
        timeout: 10_000,
      })
      .toEqual(
        expect.arrayContaining([
          [expect.any(String), FULL_KW],
          [expect.any(String), 3.3],
        ]),
      );
  });

  test("E13: writes that cannot be are answered on the error topic, and the service is not called", async () => {
    await subscriber.next("devices/site/s1/all");
    const seen = simulator.calls.length;
    const wrong: [string, string, string][] = [
      ["site/s1/portLoad_1", "3", "PointReadOnlyError"],
      ["site/s1/allowedLod_1", "3", "PointNotFoundError"],
      ["site/s9/allowedLoad_1", "3", "DeviceNotFoundError"],
      ["site/s1/allowedLoad_1", "-1", "InvalidValueError"],
      ["site/s1/allowedLoad_1", '"much"', "InvalidValueError"],
      ["site/s1/allowedLoad_1", "null", "BadPayloadError"],
    ];
    const client = await connectAsync(broker.url);
    for (const [target, payload, type] of wrong) {
      const answer = subscriber.next(`devices/actuators/error/${target}`);
      await client.publishAsync(`devices/actuators/set/${target}`, payload, { qos: 1 });
      expect(JSON.stringify(await answer)).toContain(type);
    }
    await client.endAsync();
    expect(simulator.calls.slice(seen).filter((call) => /^(shed|clear)/.test(call.operation))).toEqual([]);
  });

  test("H2: birth, state view and a clean end", async () => {
    await subscriber.next("devices/site/s2/all");
    for (const topic of ["voltbridge/test/state", "state/site/s1/availability", "state/site/s1"]) {
      await expect.poll(() => subscriber.messages.some((message) => message.topic === topic)).toBe(true);
    }
    const late = await Subscriber.to(broker.url);
    const retained = (topic: string) =>
      late.messages.find((message) => message.topic === topic && message.retain)?.payload;
    await expect.poll(() => retained("voltbridge/test/state")).toBe("online");
    await expect.poll(() => retained("state/site/s1/availability")).toBe("online");
    await expect
      .poll(() => JSON.parse(retained("state/site/s1") ?? "{}"))
      .toMatchObject({ quality: "good", portLoad_1: FULL_KW });
    await late.end();

    const status = await cli(["status", "--url", broker.url]);
    expect(status).toMatchObject({ code: 0, stdout: expect.stringContaining("test is online") });

    const offline = broker.settings.embedded
      ? undefined
      : subscriber.next("voltbridge/test/state", (text) => text === "offline");
    expect(await stop!()).toBe(0);
    await offline;
  });
});

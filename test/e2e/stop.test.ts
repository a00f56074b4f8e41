import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { connectAsync } from "mqtt";
import { describe, expect, onTestFinished, test } from "vitest";
import { startSimulator } from "../../src/simulator/index.ts";
import { RunningCli } from "../cli/in-process.ts";
import { Workplace } from "../cli/workplace.ts";
import { eventually } from "../helpers/eventually.ts";
import { freePort, Mosquitto, mosquittoInstalled } from "../helpers/mosquitto.ts";
import { Site } from "../helpers/site.ts";
import { TcpProxy } from "../helpers/tcp-proxy.ts";
import { RunningVoltbridge } from "../helpers/voltbridge.ts";

/** What service managers grant before they kill. */
const GRANTED_MS = 10_000;

/** Takes connections and never answers. `taken` resolves with the first. */
async function blackHole(): Promise<{ readonly port: number; readonly taken: Promise<unknown> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => void sockets.add(socket.on("error", () => undefined)));
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as { port: number }).port, taken: once(server, "connection") };
}

async function lab(mqtt: Record<string, unknown>): Promise<Workplace> {
  const place = new Workplace({
    "configs/bridge.json": { mqtt },
    "configs/devices/lab/one.json": {
      driver_type: "fake",
      registry_config: "config://fake.csv",
      interval: 1,
    },
    "registry/fake.csv":
      "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes\nload,constant(3.6),FakeRegister,,float,kW,,FALSE,\n",
  });
  onTestFinished(() => place.remove());
  return place;
}

const runIn = (place: Workplace) => ["run", "--config", place.at("configs/bridge.json")];

/** The data folder is free, and its files open: what a bridge stored in it is there. */
async function opensAgain(place: Workplace): Promise<void> {
  const bridge = new RunningCli(runIn(place));
  await bridge.printed(/running devices=1/);
  const { code, stderr } = await bridge.stop();
  expect(code).toBe(0);
  expect(stderr).not.toMatch(/damaged|set aside|another process/);
}

describe("A49: signals at every moment", () => {
  test("of a start: it ends with 0, keeps nothing running, and the folder opens afterwards", async () => {
    const place = await lab({ embedded: { port: await freePort() } });
    let phases = 0;
    let isWhole = false;
    for (let turns = 0; !isWhole; turns = turns * 3 + 1) {
      const bridge = new RunningCli(runIn(place));
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
      const { code, stderr } = await bridge.stop();
      isWhole = /running devices=1/.test(stderr);
      expect({ code, turns, stderr }).toMatchObject({ code: 0 });
      if (!isWhole) phases++;
    }
    expect(phases).toBeGreaterThan(3);
    await opensAgain(place);
  });

  test("of a start while the broker does not answer", async () => {
    const { port, taken } = await blackHole();
    const place = await lab({ url: `mqtt://127.0.0.1:${port}` });
    const bridge = new RunningCli(runIn(place));
    await taken;
    const { code, stderr } = await bridge.stop();
    expect({ code, stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/before the start was complete/),
    });
    await opensAgain(place);
  });

  test("of a process, before it can take them, and again during the stop", async () => {
    const place = await lab({ embedded: { port: await freePort() } });
    for (const ms of [0, 60, 250]) {
      const bridge = new RunningVoltbridge(runIn(place));
      await delay(ms);
      // Before Node has handlers, the signal itself ends it.
      expect([0, null]).toContain(await bridge.stop("SIGTERM"));
    }
    await opensAgain(place);
  });

  test.skipIf(!mosquittoInstalled)("a second one during the stop ends it at once", async () => {
    const broker = await Mosquitto.run();
    onTestFinished(() => broker.dispose());
    const place = await lab({ url: broker.url });
    const bridge = new RunningVoltbridge(runIn(place));
    await bridge.printed(/connected to/);
    // The farewell waits for its acknowledgement.
    broker.pause();
    const ended = bridge.stop("SIGTERM");
    await bridge.printed(/stopping/);
    // Within half a second two are one that came by two ways.
    await delay(600);
    expect(await bridge.stop("SIGTERM")).toBe(130);
    await ended;
    broker.resume();
    await opensAgain(place);
  });
});

describe.skipIf(!mosquittoInstalled)("A49: a stop while nothing answers", () => {
  test("broker, store, service, session database and readers of pages all hang: it ends in time", async () => {
    const simulator = await startSimulator({ stations: 2, traffic: false, incidents: false });
    onTestFinished(() => simulator.close());
    const service = await TcpProxy.before(Number(new URL(simulator.endpoint).port));
    onTestFinished(() => service.close());
    const broker = await Mosquitto.run();
    onTestFinished(() => broker.dispose());
    const [{ port: hole }, web] = [await blackHole(), await freePort()];
    const { username, password, stationIDs } = simulator;
    const endpoint = simulator.endpoint.replace(/:\d+/, `:${service.port}`);
    const site = new Site({
      ...{ endpoint, username, password, stationIDs },
      bridge: {
        mqtt: { url: broker.url },
        historian: { backend: "influxdb", connection: { url: `http://127.0.0.1:${hole}` } },
        sessions: { enabled: true, backend: "postgres", connection: { host: "127.0.0.1", port: hole } },
        integrations: { home_assistant: { enabled: true }, sparkplug: { enabled: true, group: "site" } },
        web: { enabled: true, port: web },
        metrics: { enabled: true },
      },
    });
    onTestFinished(() => site.remove());
    const bridge = new RunningVoltbridge(["run", "--config", site.config]);
    onTestFinished(async () => void (await bridge.stop("SIGKILL")));
    await bridge.printed(/running devices=2/);
    const requester = await connectAsync(broker.url);
    onTestFinished(() => requester.endAsync(true));
    const scraped = new Promise((resolve) => requester.once("message", resolve));
    await requester.subscribeAsync("devices/site/s1/all");
    await scraped;
    service.trouble = { kind: "hold" };
    service.cut();
    const { accepted } = service;
    const reader = await fetch(`http://127.0.0.1:${web}/api/v1/live`);
    expect(reader.status).toBe(200);
    await requester.publishAsync("devices/actuators/set/site/s1/allowedLoad_1", "3", { qos: 1 });
    // Until it is at the service.
    await eventually(() => expect(service.accepted).toBeGreaterThan(accepted));
    broker.pause();
    onTestFinished(() => broker.resume());
    const began = performance.now();
    const code = await bridge.stop("SIGTERM");
    const took = performance.now() - began;
    expect({ code, log: bridge.stderr }).toMatchObject({
      code: 0,
      log: expect.stringMatching(/ info {2}stopped\n/),
    });
    expect(took).toBeLessThan(GRANTED_MS);
  });
});

/**
 * One round of scrapes, from the SOAP calls to the broker: stations per second and processor time per station, at 1, 10
 * and 100 stations, beside the number of API calls. Simulator and broker (Mosquitto) are processes of their own, so the
 * processor time is the bridge's.
 *
 * The reference of the same run posts the same number of the same requests over one undici agent and reads the answers
 * to their end, without XML, values, topics or MQTT: what no bridge can go below on this machine at that moment.
 *
 * Run: npm run bench:scrape -- [--rounds 7] [--registry registry/chargepoint.csv]
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Agent, request } from "undici";
import { Bus } from "../src/bus.ts";
import { defaultBridge } from "../src/config/index.ts";
import type { Commands } from "../src/devices/index.ts";
import { securityHeader } from "../src/drivers/chargepoint/api/documents/security.ts";
import { buildRequest, soapAction } from "../src/drivers/chargepoint/api/documents/soap.ts";
import type { Operation } from "../src/drivers/chargepoint/api/message.ts";
import { operations } from "../src/drivers/chargepoint/api/operations/index.ts";
import { chargepoint } from "../src/drivers/chargepoint/index.ts";
import { createLog } from "../src/log/log.ts";
import { startMqtt } from "../src/mqtt/index.ts";
import type { DeviceInfo } from "../src/points/index.ts";
import { openQueue } from "../src/queue/index.ts";
import { parseRegistry } from "../src/registry/index.ts";
import { Mosquitto, mosquittoInstalled } from "../test/helpers/mosquitto.ts";
import { outagesTo } from "../test/helpers/outages.ts";
import { RunningVoltbridge } from "../test/helpers/voltbridge.ts";

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "7" },
    registry: { type: "string", default: "registry/chargepoint.csv" },
  },
});
const SIZES = [1, 10, 100];
const READS = ["getStations", "getStationStatus", "getLoad", "getAlarms", "getStationRights"] as const;

if (!mosquittoInstalled) {
  console.error("this benchmark needs Mosquitto: apt-get install mosquitto mosquitto-clients");
  process.exit(1);
}

interface Round {
  readonly wallMs: number;
  readonly cpuMs: number;
}

const simulation = new RunningVoltbridge([
  "simulate",
  "--port",
  "0",
  "--stations",
  String(Math.max(...SIZES)),
]);
const [line] = await simulation.printed(/\{.*\}/);
const service = JSON.parse(line) as { endpoint: string; username: string; password: string };
const stationIDs = Array.from({ length: Math.max(...SIZES) }, (_, index) => `1:${100_001 + index}`);
const broker = await Mosquitto.run();
try {
  console.log("stations  API calls  stations/s  CPU ms/station  x reference (wall)  x reference (CPU)");
  for (const size of SIZES) await measureSize(size);
} finally {
  await broker.dispose();
  await simulation.stop();
}

async function measureSize(size: number): Promise<void> {
  const log = createLog({ level: "warn" });
  const bus = new Bus((event, error) => console.error(event, error));
  const { rows } = parseRegistry(readFileSync(flags.registry), flags.registry);
  const points = new Map(rows.map((row) => [row.point.name, row.point]));
  const infos = stationIDs.slice(0, size).map((_, index): DeviceInfo => {
    const publish = { depthFirstAll: true, breadthFirstAll: false, depthFirst: false, breadthFirst: false };
    return {
      path: `bench/s${index}`,
      driverType: "chargepoint",
      points,
      timezone: "UTC",
      intervalSeconds: 60,
      publish,
    };
  });
  const folder = mkdtempSync(join(tmpdir(), "bench-scrape-"));
  const outbox = await openQueue({ file: join(folder, "outbox.sqlite"), log });
  const mqtt = await startMqtt({
    settings: { ...defaultBridge().mqtt, url: broker.url, state: "off" },
    instance: "bench",
    version: "0",
    bus,
    devices: new Map(infos.map((info) => [info.path, info])),
    commands: {} as Commands,
    outbox,
    log,
  });
  await mqtt.whenConnected(AbortSignal.timeout(5000));
  const notice = (_severity: string, kind: string, text: string) => console.error(kind, text);
  const driver = chargepoint.open({
    ...{ log, notice, state: { get: () => null, set: () => undefined } },
    outages: outagesTo(({ severity, kind, text }) => notice(severity, kind, text)),
  });
  const devices = infos.map((info, index) => {
    const common = {
      region: "NA",
      cacheExpiration: 0,
      shed_lease_minutes: 60,
      shed_mode_change: "reject",
    } as const;
    const config = { ...common, ...service, stationID: stationIDs[index]! };
    return { info, driver: driver.createDevice({ path: info.path, config, rows, intervalSeconds: 60 }) };
  });
  const agent = new Agent();

  const ours: Round[] = [];
  const reference: Round[] = [];
  let calls = 0;
  // The first of each warms up code, connections and caches and does not count.
  for (let round = 0; round <= Number(flags.rounds); round++) {
    const before = driver.counters!().calls!;
    const mine = await timed(async () => {
      const received = subscriber(size);
      await received.ready;
      return async () => {
        await Promise.all(
          devices.map(async ({ info, driver: device }) =>
            publish(info, await device.scrapeAll(AbortSignal.timeout(60_000))),
          ),
        );
        await received.done;
      };
    });
    calls = driver.counters!().calls! - before;
    const floor = await timed(async () => () => postBare(agent, size, calls));
    if (round > 0) {
      ours.push(mine);
      reference.push(floor);
    }
  }
  const wall = median(ours.map(({ wallMs }) => wallMs));
  const cpu = median(ours.map(({ cpuMs }) => cpuMs));
  const ratio = (of: (round: Round) => number) =>
    median(ours.map((round, i) => of(round) / of(reference[i]!))).toFixed(1);
  console.log(
    [
      String(size).padStart(8),
      String(calls).padStart(9),
      ((size / wall) * 1000).toFixed(0).padStart(10),
      (cpu / size).toFixed(2).padStart(14),
      ratio(({ wallMs }) => wallMs).padStart(18),
      ratio(({ cpuMs }) => cpuMs).padStart(17),
    ].join("  "),
  );
  await Promise.all([driver.close(), mqtt.stop(), agent.destroy()]);
  await outbox.close();
  rmSync(folder, { recursive: true });

  function publish(
    device: DeviceInfo,
    reading: Awaited<ReturnType<(typeof devices)[0]["driver"]["scrapeAll"]>>,
  ): void {
    const failures = new Map([...reading.failures].map(([point, error]) => [point, error.message]));
    const now = new Date();
    bus.emit("scrape", { device, synchronizedAt: now, takenAt: now, values: reading.values, failures });
  }
}

/** Prepares, then measures what the preparation returned. */
async function timed(prepare: () => Promise<() => Promise<void>>): Promise<Round> {
  const run = await prepare();
  const cpu = process.cpuUsage();
  const start = performance.now();
  await run();
  const wallMs = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { wallMs, cpuMs: (user + system) / 1000 };
}

/** Another process that ends when it has received as many scrapes. */
function subscriber(count: number): { ready: Promise<unknown>; done: Promise<unknown> } {
  const script = `
    const client = await (await import("mqtt")).connectAsync(process.argv[1]);
    let left = Number(process.argv[2]);
    client.on("message", (_topic, _payload, { retain }) => retain || --left > 0 || process.exit());
    await client.subscribeAsync("devices/#", { qos: 1 });
    console.log("ready");`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, broker.url, String(count)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return { ready: once(child.stdout, "data"), done: once(child, "close") };
}

async function postBare(agent: Agent, size: number, calls: number): Promise<void> {
  const security = securityHeader(service);
  const names = Array.from({ length: calls }, (_, index) => READS[Math.floor(index / size) % READS.length]!);
  await Promise.all(
    names.map(async (name, index) => {
      const operation = operations[name];
      const searchQuery = { stationID: stationIDs[index % size]! };
      const { body } = await request(service.endpoint, {
        dispatcher: agent,
        method: "POST",
        headers: { "content-type": "text/xml; charset=utf-8", soapaction: soapAction(operation) },
        body: buildRequest(operation as Operation, { searchQuery } as never, security),
      });
      await body.arrayBuffer();
    }),
  );
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

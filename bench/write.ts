/**
 * From a command's publication to the moment when its shedLoad request leaves the bridge, while the bridge scrapes 1,000
 * stations: median, 99th percentile and longest, in ms. It holds the way through the broker, the checks, the note on the
 * disk that makes the command happen once, and the turn of the station. Four processes: the real bridge (`voltbridge
 * run`), the simulator, Mosquitto, and this one.
 *
 * The reference of the same run is a process that listens to one topic and posts the same request, and does nothing else.
 *
 *   npm run bench:write -- [--stations 1000] [--writes 400] [--interval 10]
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import mqtt, { type MqttClient } from "mqtt";
import { Mosquitto, mosquittoInstalled } from "../test/helpers/mosquitto.ts";
import { Site } from "../test/helpers/site.ts";
import { RunningVoltbridge } from "../test/helpers/voltbridge.ts";
import { percentile } from "./percentile.ts";

const { values: flags } = parseArgs({
  options: {
    stations: { type: "string", default: "1000" },
    writes: { type: "string", default: "400" },
    interval: { type: "string", default: "10" },
  },
});
const STATIONS = Number(flags.stations);
const WRITES = Number(flags.writes);
const INTERVAL = Number(flags.interval);
const DEADLINE_MS = 10_000;

if (!mosquittoInstalled) {
  console.error("this benchmark needs Mosquitto: apt-get install mosquitto mosquitto-clients");
  process.exit(1);
}

/** Sends to a topic and waits until the request has left; ms in between. */
type Way = (topic: string, kw: number) => Promise<number>;

const leaving = new URL("write/leaving.ts", import.meta.url).href;
const caller = fileURLToPath(new URL("write/bare.ts", import.meta.url));
const starter = fileURLToPath(new URL("../bin/voltbridge", import.meta.url));
const simulation = new RunningVoltbridge([
  ...["simulate", "--port", "0", "--log-level", "warn", "--stations", String(STATIONS + 50)],
  ...["--model", "CT4021-GW1"],
]);
const broker = await Mosquitto.run();
let site: Site | undefined;
let bridge: ChildProcess | undefined;
let client: MqttClient | undefined;
let bare: ChildProcess | undefined;
try {
  const [line] = await simulation.printed(/\{.*\}/);
  const service = JSON.parse(line) as { endpoint: string; username: string; password: string };
  const { endpoint, username, password } = service;
  const stationIDs = Array.from({ length: STATIONS + 1 }, (_, index) => `1:${100_001 + index}`);
  const spare = stationIDs.pop()!;
  const spacing = INTERVAL / 2 / STATIONS;
  site = new Site({
    ...service,
    stationIDs,
    bridge: { mqtt: { url: broker.url }, driver: { driver_scrape_interval: spacing } },
    device: { interval: INTERVAL },
    driver: { calls_per_minute: 100_000 },
  });
  const running = start("--import", leaving, starter, "run", "--config", site.config, "--log-level", "warn");
  bridge = running;
  client = await mqtt.connectAsync(broker.url);
  await client.subscribeAsync("voltbridge/test/state");
  await new Promise((resolve) => client!.once("message", resolve));
  const child = start(caller, broker.url, endpoint, username, password, spare);
  bare = child;
  await once(child.stderr, "data");

  const ours = way(client, running.stderr);
  const reference = way(client, child.stderr);
  // The first round is over, and code, connections and caches are warm.
  await sleep(INTERVAL * 1500);
  for (let n = 0; n < 20; n++) {
    await ours(`devices/actuators/set/site/s${STATIONS - n}/allowedLoad`, 5);
    await reference("bench/bare", 5);
  }
  const mine: number[] = [];
  const floor: number[] = [];
  for (let n = 0; n < WRITES; n++) {
    // Spread over the rounds.
    await sleep(50 + (n % 7) * 10);
    const kw = 3 + (n % 30) / 10;
    mine.push(await ours(`devices/actuators/set/site/s${1 + ((n * 37) % (STATIONS - 20))}/allowedLoad`, kw));
    floor.push(await reference("bench/bare", kw));
  }
  console.log(`${WRITES} writes while ${STATIONS} stations are scraped every ${INTERVAL} s`);
  console.log("           median ms  p99 ms  longest ms");
  for (const [name, values] of [
    ["voltbridge", mine],
    ["bare call ", floor],
  ] as const)
    console.log(
      `${name}  ${cell(percentile(values, 0.5), 8)}  ${cell(percentile(values, 0.99), 6)}  ${cell(Math.max(...values), 9)}`,
    );
  console.log(`x reference (median)  ${(percentile(mine, 0.5) / percentile(floor, 0.5)).toFixed(1)}`);
  const reached = percentile(mine, 0.5) < 5 && percentile(mine, 0.99) < 50;
  console.log(`goal (median < 5 ms, p99 < 50 ms): ${reached ? "reached" : "missed"}`);
} finally {
  bare?.kill();
  await client?.endAsync(true);
  bridge?.kill("SIGKILL");
  await simulation.stop();
  await broker.dispose();
  site?.remove();
}

function start(...args: string[]) {
  return spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
}

function way(sender: MqttClient, stderr: Readable): Way {
  let left: (ns: bigint) => void = () => undefined;
  createInterface(stderr).on("line", (line) => {
    if (line.startsWith("LEFT ")) left(BigInt(line.slice(5)));
    else if (line !== "ready") console.error(line);
  });
  return async (topic, kw) => {
    const { promise, resolve, reject } = Promise.withResolvers<bigint>();
    left = resolve;
    const late = setTimeout(() => reject(new Error(`nothing left for ${topic}`)), DEADLINE_MS);
    const sentAt = process.hrtime.bigint();
    sender.publish(topic, String(kw), { qos: 1 });
    const ns = (await promise.finally(() => clearTimeout(late))) - sentAt;
    return Number(ns) / 1e6;
  };
}

function cell(value: number, width: number): string {
  return value.toFixed(1).padStart(width);
}

/**
 * What the integrations cost a bridge that scrapes 1,000 stations with two ports every minute. Each figure stands beside that of the same
 * bridge in the same run with the integration switched off; both take turns.
 *
 * - Home Assistant: time from the change of the config until every station is discovered; meanwhile how late scrapes come, and how long
 *   a command takes from its publication until its shedLoad request leaves the bridge
 * - Sparkplug: processor time of the bridge over whole intervals; the longest delay of its event loop while all devices are born again
 *
 * Processes: the bridge (`bench/integrations/bridge.ts`), the simulator, Mosquitto, and this one.
 *
 *   npm run bench:integrations -- [--stations 1000] [--interval 60] [--rounds 3] [--only discovery,sparkplug]
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import mqtt from "mqtt";
import { DataType, encodePayload } from "../src/integrations/sparkplug/codec.ts";
import { Mosquitto, mosquittoInstalled } from "../test/helpers/mosquitto.ts";
import { Site } from "../test/helpers/site.ts";
import { RunningVoltbridge } from "../test/helpers/voltbridge.ts";
import type { Measured } from "./integrations/bridge.ts";
import { percentile } from "./percentile.ts";

const { values: flags } = parseArgs({
  options: {
    stations: { type: "string", default: "1000" },
    interval: { type: "string", default: "60" },
    rounds: { type: "string", default: "3" },
    only: { type: "string", default: "discovery,sparkplug" },
  },
});
const STATIONS = Number(flags.stations);
const INTERVAL = Number(flags.interval);
const ROUNDS = Number(flags.rounds);
const PARTS = new Set(flags.only.split(","));
/** Of commands, in milliseconds: some 150 while 1,000 stations are discovered. */
const COMMAND_PAUSE_MS = 100;
const COMMAND_DEADLINE_MS = 15_000;
/** Time without another birth after the last one, in milliseconds. */
const QUIET_MS = 500;
/** Maximum time for anything that is waited for, in milliseconds. */
const PATIENCE_MS = 300_000;

if (!mosquittoInstalled) {
  console.error("this benchmark needs Mosquitto: apt-get install mosquitto mosquitto-clients");
  process.exit(1);
}

interface Integrations {
  readonly home_assistant?: object;
  readonly sparkplug?: object;
}

await using stack = new AsyncDisposableStack();
const broker = stack.adopt(
  await Mosquitto.run({ config: ["max_inflight_messages 0", "max_queued_messages 0"] }),
  (one) => one.dispose(),
);
const simulation = stack.adopt(
  new RunningVoltbridge([
    ...["simulate", "--port", "0", "--log-level", "warn", "--stations", String(STATIONS)],
    ...["--model", "CT4021-GW1"],
  ]),
  async (one) => {
    await one.stop();
  },
);
const [line] = await simulation.printed(/\{.*\}/);
const service = JSON.parse(line) as { endpoint: string; username: string; password: string };
const bridgeConfig = (integrations: Integrations) => ({
  instance: "bench",
  mqtt: { url: broker.url },
  historian: { backend: "none" },
  driver: { driver_scrape_interval: (0.9 * INTERVAL) / STATIONS },
  integrations,
});
const site = stack.adopt(
  new Site({
    ...service,
    stationIDs: Array.from({ length: STATIONS }, (_, index) => `1:${100_001 + index}`),
    bridge: bridgeConfig({}),
    device: { interval: INTERVAL },
    driver: { calls_per_minute: 100_000 },
  }),
  (one) => one.remove(),
);
const configure = (integrations: Integrations) =>
  site.write("configs/bridge.json", bridgeConfig(integrations));

const bridge = fork(fileURLToPath(new URL("integrations/bridge.ts", import.meta.url)), [site.config], {
  execArgv: ["--import", new URL("write/leaving.ts", import.meta.url).href],
  stdio: ["ignore", "ignore", "pipe", "ipc"],
});
stack.defer(() => ended(bridge));
let left: (ns: bigint) => void = () => undefined;
createInterface(bridge.stderr!).on("line", (text) => {
  if (text.startsWith("LEFT ")) left(BigInt(text.slice(5)));
  else console.error(text);
});
const client = stack.adopt(await mqtt.connectAsync(broker.url, { protocolVersion: 5 }), (one) =>
  one.endAsync(true),
);
/** Stations that Home Assistant was told of. */
const discovered = new Set<string>();
const births = { count: 0, lastAt: 0 };
client.on("message", (topic, payload) => {
  if (topic.includes("/DBIRTH/")) {
    births.count++;
    births.lastAt = Date.now();
  } else if (payload.length === 0) discovered.delete(topic);
  else discovered.add(topic);
});
await client.subscribeAsync(["homeassistant/device/+/config", "spBv1.0/+/DBIRTH/#"]);
await once(bridge, "message");
// The first round is over; code, connections and caches are warm.
await sleep(INTERVAL * 1000);
console.log(`${STATIONS} stations, read every ${INTERVAL} s`);
if (PARTS.has("discovery")) await discovery();
if (PARTS.has("sparkplug")) await sparkplug();

async function discovery(): Promise<void> {
  const [without, during]: [Watched[], Watched[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    const found = await watched(() => {
      configure({ home_assistant: { enabled: true } });
      // The bridge is a device too.
      return until(() => discovered.size > STATIONS, "every station is discovered");
    });
    during.push(found);
    configure({});
    await until(() => discovered.size === 0, "every station is removed");
    await sleep(2000);
    without.push(await watched(() => sleep(found.seconds * 1000)));
  }
  console.log("\nHome Assistant  seconds  commands  p50 ms  p99 ms  scrapes  late ms p50   p99   max");
  for (const [name, all] of [
    ["off           ", without],
    ["discovery     ", during],
  ] as const)
    for (const { seconds, commandsMs, scrapes, lateness } of all) {
      const { p50, p99, max } = lateness;
      console.log(
        [
          name,
          cell(seconds, 7, 1),
          cell(commandsMs.length, 8),
          cell(percentile(commandsMs, 0.5), 6, 1),
          cell(percentile(commandsMs, 0.99), 6, 1),
          cell(scrapes, 7),
          `${cell(p50, 11)} ${cell(p99, 5)} ${cell(max, 5)}`,
        ].join("  "),
      );
    }
  const p99 = (all: readonly Watched[]) =>
    percentile(
      all.flatMap(({ commandsMs }) => commandsMs),
      0.99,
    );
  const slowest = Math.max(...during.map(({ seconds }) => seconds));
  const ratio = p99(during) / p99(without);
  goal(`all discovered within 30 s: ${slowest.toFixed(1)} s`, slowest <= 30);
  goal(`commands' p99 within 2 x of that without: ${ratio.toFixed(2)} x`, ratio <= 2);
  const lateBy = (all: readonly Watched[]) => Math.max(...all.map(({ lateness }) => lateness.p99));
  const [late, usual] = [lateBy(during), lateBy(without)];
  goal(
    `99 % of scrapes within a second of their time: ${cell(late)} ms (${cell(usual)} ms without)`,
    late < 1000,
  );
}

async function sparkplug(): Promise<void> {
  const on: Integrations = { sparkplug: { enabled: true, group: "bench" } };
  const [without, using]: [Measured[], Measured[]] = [[], []];
  const [idle, reborn]: [Measured[], Measured[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    without.push(await measured(() => sleep(INTERVAL * 1000)));
    births.count = 0;
    configure(on);
    await born();
    // Births are answered 5 s after the last ones at the earliest.
    await sleep(6000);
    using.push(await measured(() => sleep(INTERVAL * 1000)));
    births.count = 0;
    const birth = await measured(async () => {
      client.publish("spBv1.0/bench/NCMD/bench", rebirth());
      await born();
    });
    reborn.push(birth);
    idle.push(await measured(() => sleep(birth.seconds * 1000)));
    configure({});
    await sleep(3000);
  }
  console.log(`\n${births.count} devices were born`);
  console.log("Sparkplug  seconds  CPU s  CPU ms/scrape  longest delay ms");
  for (const [name, all] of [
    ["off      ", without],
    ["on       ", using],
    ["no births", idle],
    ["births   ", reborn],
  ] as const)
    for (const { seconds, cpuSeconds, scrapes, longestDelayMs } of all)
      console.log(
        [
          name,
          cell(seconds, 7, 1),
          cell(cpuSeconds, 5, 2),
          cell((cpuSeconds * 1000) / Math.max(1, scrapes), 13, 2),
          cell(longestDelayMs, 16, 1),
        ].join("  "),
      );
  const cpu = (all: readonly Measured[]) =>
    percentile(
      all.map(({ cpuSeconds, seconds }) => cpuSeconds / seconds),
      0.5,
    );
  const more = cpu(using) / cpu(without) - 1;
  goal(`under 20 % more processor time: ${(more * 100).toFixed(1)} %`, more < 0.2);
  const longest = (all: readonly Measured[]) =>
    percentile(
      all.map(({ longestDelayMs }) => longestDelayMs),
      0.5,
    );
  goal(
    `births delay the event loop by no more than 20 ms, or than it is without them: ${cell(longest(reborn), 0, 1)} ms (${cell(longest(idle), 0, 1)} ms without them)`,
    longest(reborn) <= Math.max(20, longest(idle)),
  );
}

/** Resolves when no more births come. Stations that the simulated network cannot reach have none. */
function born(): Promise<void> {
  const { count } = births;
  return until(() => births.count > count && Date.now() - births.lastAt > QUIET_MS, "the devices are born");
}

interface Watched extends Measured {
  readonly commandsMs: readonly number[];
}

/** Measures the bridge while it works, and commands besides. */
async function watched(work: () => Promise<unknown>): Promise<Watched> {
  const commandsMs: number[] = [];
  const all = await measured(async () => {
    let isOver = false;
    const working = work().finally(() => {
      isOver = true;
    });
    for (let n = 0; !isOver; n++) {
      commandsMs.push(await command(1 + ((n * 37) % STATIONS), 3 + (n % 30) / 10));
      await sleep(COMMAND_PAUSE_MS);
    }
    await working;
  });
  return { ...all, commandsMs };
}

async function measured(work: () => Promise<unknown>): Promise<Measured> {
  await ask("begin");
  await work();
  return (await ask("end")) as Measured;
}

async function ask(what: "begin" | "end"): Promise<unknown> {
  bridge.send(what);
  const [answer] = await once(bridge, "message");
  return answer;
}

/** Sends a limit, and resolves with the milliseconds until its request leaves the bridge. */
async function command(station: number, kw: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<bigint>();
  left = resolve;
  const late = setTimeout(() => reject(new Error(`no request for station ${station}`)), COMMAND_DEADLINE_MS);
  const sentAt = process.hrtime.bigint();
  client.publish(`devices/actuators/set/site/s${station}/allowedLoad`, String(kw), { qos: 1 });
  return Number((await promise.finally(() => clearTimeout(late))) - sentAt) / 1e6;
}

async function until(holds: () => boolean, what: string): Promise<void> {
  for (const deadline = Date.now() + PATIENCE_MS; !holds(); await sleep(20))
    if (Date.now() > deadline) throw new Error(`${what}: not within ${PATIENCE_MS / 1000} s`);
}

function rebirth(): Buffer {
  const timestamp = Date.now();
  const metric = { name: "Node Control/Rebirth", type: DataType.Boolean, value: true, timestamp };
  return Buffer.from(encodePayload({ timestamp, metrics: [metric] }));
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exit = once(child, "exit");
  if (child.connected) child.disconnect();
  await exit;
}

function cell(value: number, width = 0, decimals = 0): string {
  return value.toFixed(decimals).padStart(width);
}

function goal(text: string, isReached: boolean): void {
  console.log(`goal: ${text}: ${isReached ? "reached" : "missed"}`);
}

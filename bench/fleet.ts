/**
 * A hundred thousand stations with two ports each, status and load of every one in each interval, published as `all`
 * messages at QoS 1. Four processes: the real bridge (`bench/fleet/bridge.ts`), a simulator whose every answer comes
 * 300 ms late, Mosquitto, and a subscriber that counts. During each round set points are sent.
 *
 *   npm run bench:fleet -- [--stations 100000] [--rounds 3] [--interval 60] [--spacing 0.00017] [--in-flight 16]
 *                         [--historian] [--prof FOLDER]
 *
 * The scrapes of a round are begun `--spacing` seconds apart (`driver_scrape_interval`). Node's options for the bridge are
 * those of the environment variable BRIDGE_NODE, by default none.
 *
 * Processor time is of the bridge, over the whole interval. Event loop delay is from the slot until the round is done.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { connectAsync } from "mqtt";
import { Mosquitto, mosquittoInstalled } from "../test/helpers/mosquitto.ts";
import { RunningVoltbridge } from "../test/helpers/voltbridge.ts";
import type { Round, Told } from "./fleet/bridge.ts";
import type { Received } from "./fleet/recorder.ts";

const { values: flags } = parseArgs({
  options: {
    stations: { type: "string", default: "100000" },
    rounds: { type: "string", default: "3" },
    interval: { type: "string", default: "60" },
    "in-flight": { type: "string", default: "16" },
    spacing: { type: "string", default: "0.00017" },
    historian: { type: "boolean", default: false },
    prof: { type: "string" },
  },
});
const STATIONS = Number(flags.stations);
const ROUNDS = Number(flags.rounds);
const INTERVAL = Number(flags.interval);
const HEAD =
  "round  wall s  CPU s  resident MB  loop delay ms p50  p99  max  received  repeats  last received s  shed seen after ms  calls";

const NODE_OPTIONS = (process.env.BRIDGE_NODE ?? "").split(" ").filter((option) => option !== "");
const DELAY_SECONDS = 0.3;
const SHEDS_A_ROUND = 3;

const REGISTRY = `Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Writable
network,networkStatus,StationStatusRegister,,string,,FALSE
status1,Status,StationStatusRegister,1,string,,FALSE
status2,Status,StationStatusRegister,2,string,,FALSE
statusAt1,TimeStamp,StationStatusRegister,1,datetime,,FALSE
statusAt2,TimeStamp,StationStatusRegister,2,datetime,,FALSE
load,stationLoad,LoadRegister,,float,kW,FALSE
load1,portLoad,LoadRegister,1,float,kW,FALSE
load2,portLoad,LoadRegister,2,float,kW,FALSE
shed1,shedState,LoadRegister,1,integer,,FALSE
shed2,shedState,LoadRegister,2,integer,,FALSE
limit,allowedLoad,LoadRegister,,float,kW,TRUE
`;

if (!mosquittoInstalled) {
  console.error("this benchmark needs Mosquitto: apt-get install mosquitto mosquitto-clients");
  process.exit(1);
}

interface SeenCall {
  readonly operation: string;
  readonly receivedAt: string;
}

const folder = mkdtempSync(join(tmpdir(), "voltbridge-fleet-"));
const broker = await Mosquitto.run({ config: ["max_inflight_messages 0", "max_queued_messages 0"] });
const simulation = new RunningVoltbridge([
  ...["simulate", "--port", "0", "--log-level", "warn"],
  ...["--stations", String(STATIONS), "--stations-per-site", "500", "--model", "CT4021-GW1"],
]);
const children: ChildProcess[] = [];
try {
  const [line] = await simulation.printed(/\{.*\}/);
  const service = JSON.parse(line) as Service;
  await control(service, "trouble", { effect: { kind: "delay", seconds: DELAY_SECONDS } });
  const recorder = start("fleet/recorder.ts", [broker.url]);
  await once(recorder, "message");
  await measure(service, recorder);
} finally {
  for (const child of children) if (child.connected) child.disconnect();
  await Promise.all(children.map((child) => child.exitCode ?? child.signalCode ?? once(child, "exit")));
  await simulation.stop();
  await broker.dispose();
  rmSync(folder, { recursive: true, force: true });
}

interface Service {
  readonly endpoint: string;
  readonly username: string;
  readonly password: string;
}

async function measure(service: Service, recorder: ChildProcess): Promise<void> {
  writeSite(service);
  const profiled = flags.prof === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${flags.prof}`];
  const bridge = start(
    "fleet/bridge.ts",
    [join(folder, "bridge.json"), String(STATIONS), String(INTERVAL)],
    [...NODE_OPTIONS, ...profiled],
  );
  const rounds: { round: Round; sheds: Promise<number[]> }[] = [];
  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  bridge.once("exit", (code) => reject(new Error(`the bridge ended with ${code}`)));
  let sheds: Promise<number[]> = Promise.resolve([]);
  let counted = false;
  bridge.on("message", async (told: Told) => {
    if (told.is === "ready") {
      console.log(`${told.devices} devices, all read once after ${told.seconds.toFixed(1)} s\n`);
      console.log(HEAD);
    }
    if (told.is === "slot" && rounds.length < ROUNDS) {
      counted = true;
      sheds = shed(service, told.at);
      sheds.catch(reject);
    }
    if (told.is !== "round" || !counted) return;
    const { slot } = told.round;
    rounds.push({ round: told.round, sheds });
    const [took, calls, received] = await Promise.all([
      sheds,
      callsOf(service, slot, slot + INTERVAL * 1000),
      ask<Received>(recorder),
    ]);
    show(rounds.length, told.round, took, calls, received[slot]);
    if (rounds.length === ROUNDS) resolve();
  });
  await done;
  bridge.removeAllListeners();
}

function start(file: string, args: string[], execArgv: string[] = []): ChildProcess {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, { execArgv });
  children.push(child);
  return child;
}

async function ask<T>(child: ChildProcess): Promise<T> {
  child.send("report");
  const [report] = await once(child, "message");
  return report as T;
}

function writeSite({ endpoint, username, password }: Service): void {
  mkdirSync(join(folder, "devices"));
  writeFileSync(join(folder, "status-and-load.csv"), REGISTRY);
  const bridge = {
    ...{ devices: "devices", registries: ".", data: "data" },
    driver: { driver_scrape_interval: Number(flags.spacing) },
    mqtt: { url: broker.url, state: "off" },
    historian: { backend: flags.historian ? "sqlite" : "none" },
  };
  writeFileSync(join(folder, "bridge.json"), JSON.stringify(bridge));
  const fleet = {
    driver_type: "chargepoint",
    driver_config: {
      ...{ endpoint, username, password },
      stations: Array.from({ length: STATIONS }, (_, n) => `1:${100_001 + n}`),
      calls_in_flight: Number(flags["in-flight"]),
      calls_per_minute: 100_000,
    },
    ...{ registry_config: "config://status-and-load.csv", topic: "fleet/{stationID}", interval: INTERVAL },
  };
  writeFileSync(join(folder, "devices", "fleet.json"), JSON.stringify(fleet), { mode: 0o600 });
}

/** Set points in the first seconds of a round; milliseconds until each reached the service. */
async function shed(service: Service, slot: number): Promise<number[]> {
  const client = await connectAsync(broker.url);
  const took: number[] = [];
  try {
    for (let n = 0; n < SHEDS_A_ROUND; n++) {
      await new Promise((resolve) => setTimeout(resolve, slot + 1000 * (2 * n + 1) - Date.now()));
      const sentAt = Date.now();
      const path = `fleet/1:${100_001 + n}`;
      await client.publishAsync(`devices/actuators/set/${path}/limit`, "3", { qos: 1 });
      took.push((await writeSeen(service, sentAt)) - sentAt);
    }
  } finally {
    await client.endAsync();
  }
  return took;
}

async function writeSeen(service: Service, since: number): Promise<number> {
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline) {
    const query = `effect=write&since=${new Date(since).toISOString()}`;
    const [first] = await seen(service, query);
    if (first) return Date.parse(first.receivedAt);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("a set point did not reach the service within 20 s");
}

async function callsOf(service: Service, from: number, to: number): Promise<Record<string, number>> {
  const calls = await seen(service, `since=${new Date(from).toISOString()}`);
  const counts: Record<string, number> = {};
  for (const { operation, receivedAt } of calls)
    if (Date.parse(receivedAt) < to) counts[operation] = (counts[operation] ?? 0) + 1;
  return counts;
}

function seen(service: Service, query: string): Promise<SeenCall[]> {
  return control(service, `log?${query}`) as Promise<SeenCall[]>;
}

async function control({ endpoint }: Service, part: string, body?: unknown): Promise<unknown> {
  const url = new URL(`/control/${part}`, endpoint);
  const sent = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const answer = await fetch(url, sent);
  if (!answer.ok) throw new Error(`${url}: ${await answer.text()}`);
  return answer.json();
}

function show(
  n: number,
  round: Round,
  sheds: readonly number[],
  calls: Record<string, number>,
  received: Received[string] | undefined,
): void {
  const { cpuSeconds, residentMb, delay, slot, pointFailures } = round;
  // Acknowledged and handed on, of every station: what the bridge counts holds other messages too.
  const isDone = round.wallSeconds !== null && received?.devices === STATIONS;
  const wall = isDone ? Math.max(round.wallSeconds, (received.lastAt - slot) / 1000) : undefined;
  console.log(
    [
      String(n).padStart(5),
      (wall?.toFixed(1) ?? "not done").padStart(6),
      cpuSeconds.toFixed(1).padStart(5),
      residentMb.toFixed(0).padStart(11),
      delay.p50.toFixed(1).padStart(17),
      delay.p99.toFixed(0).padStart(4),
      delay.max.toFixed(0).padStart(4),
      String(received?.devices ?? 0).padStart(8),
      String(received?.repeats ?? 0).padStart(7),
      ((received ? received.lastAt - slot : 0) / 1000).toFixed(1).padStart(15),
      sheds.join(" ").padStart(18),
      Object.entries(calls)
        .map(([name, count]) => `${name} ${count}`)
        .join(", "),
    ].join("  "),
  );
  if (pointFailures > 0) console.log(`       ${pointFailures} points could not be read`);
}

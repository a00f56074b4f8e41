/**
 * Thirty accounts of a thousand stations each, on three members of an estate, against one bridge without a cluster that has a third of
 * the accounts: processor time of an interval for each process, in the same run. The members share etcd, Mosquitto and a simulator;
 * every station's status and loads are read in each interval and published as `all` messages.
 *
 *   npm run bench:cluster -- [--accounts 30] [--stations 1000] [--intervals 3] [--interval 60] [--ttl 6]
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Etcd } from "../test/helpers/etcd.ts";
import { Mosquitto } from "../test/helpers/mosquitto.ts";
import { RunningVoltbridge } from "../test/helpers/voltbridge.ts";
import type { Interval } from "./cluster/member.ts";

const { values: flags } = parseArgs({
  options: {
    accounts: { type: "string", default: "30" },
    stations: { type: "string", default: "1000" },
    intervals: { type: "string", default: "3" },
    interval: { type: "string", default: "60" },
    ttl: { type: "string", default: "6" },
  },
});
const ACCOUNTS = Number(flags.accounts);
const STATIONS = Number(flags.stations);
const INTERVALS = Number(flags.intervals);
const MEMBERS = ["a", "b", "c"];

const REGISTRY = `Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Writable
network,networkStatus,StationStatusRegister,,string,,FALSE
status1,Status,StationStatusRegister,1,string,,FALSE
status2,Status,StationStatusRegister,2,string,,FALSE
load,stationLoad,LoadRegister,,float,kW,FALSE
load1,portLoad,LoadRegister,1,float,kW,FALSE
load2,portLoad,LoadRegister,2,float,kW,FALSE
limit,allowedLoad,LoadRegister,,float,kW,TRUE
`;

const folder = mkdtempSync(join(tmpdir(), "voltbridge-estate-"));
const accounts = Array.from({ length: ACCOUNTS }, (_, n) => ({
  username: `account-${n}`,
  password: `password-${n}`,
}));
writeFileSync(join(folder, "accounts.json"), JSON.stringify(accounts));
const children: ChildProcess[] = [];
await using stack = new AsyncDisposableStack();
stack.defer(() => rmSync(folder, { recursive: true, force: true }));
const broker = await Mosquitto.run({ config: ["max_inflight_messages 0", "max_queued_messages 0"] });
stack.defer(() => broker.dispose());
const etcd = await Etcd.run();
stack.defer(() => etcd.dispose());
const simulation = new RunningVoltbridge([
  ...["simulate", "--port", "0", "--log-level", "warn", "--accounts", join(folder, "accounts.json")],
  ...["--stations", String(ACCOUNTS * STATIONS), "--stations-per-site", "500", "--model", "CT4021-GW1"],
]);
stack.defer(async () => void (await simulation.stop()));
const [line] = await simulation.printed(/\{.*\}/);
const { endpoint } = JSON.parse(line) as { endpoint: string };

const third = Math.ceil(ACCOUNTS / MEMBERS.length);
const alone = await measured([site("alone", accounts.slice(0, third), {})], third * STATIONS);
const reference = mean(alone.flat());
console.log(`one bridge without a cluster, ${third} accounts: ${shown(alone[0]!)}\n`);
const cluster = { backend: "etcd", ttl: Number(flags.ttl), connection: { endpoints: etcd.endpoints } };
const sites = MEMBERS.map((member) => site(member, accounts, { cluster: { ...cluster, member } }));
const members = await measured(sites, ACCOUNTS * STATIONS);
for (const [index, intervals] of members.entries()) {
  const perStation = intervals.reduce((sum, one) => sum + one.cpuSeconds, 0) / total(intervals);
  const ofReference = reference / (third * STATIONS);
  console.log(
    `member ${MEMBERS[index]}: ${shown(intervals)}; ${(perStation / ofReference).toFixed(2)} of the reference, by station`,
  );
}

/** Writes the files of one bridge; each account is a set of stations. */
function site(name: string, own: typeof accounts, more: object): string {
  const configs = join(folder, name);
  mkdirSync(join(configs, "devices"), { recursive: true });
  writeFileSync(join(configs, "load.csv"), REGISTRY);
  const bridge = {
    ...{ instance: "estate", devices: "devices", registries: ".", data: "data" },
    driver: { driver_scrape_interval: 0.0005 },
    mqtt: { url: broker.url, state: "off" },
    historian: { backend: "none" },
    ...more,
  };
  writeFileSync(join(configs, "bridge.json"), JSON.stringify(bridge), { mode: 0o600 });
  for (const [index, { username, password }] of own.entries()) {
    const stations = Array.from({ length: STATIONS }, (_, n) => `1:${100_001 + index * STATIONS + n}`);
    const fleet = {
      driver_type: "chargepoint",
      driver_config: { endpoint, username, password, stations, calls_per_minute: 100_000 },
      ...{ registry_config: "config://load.csv", topic: `${username}/{stationID}` },
      interval: Number(flags.interval),
    };
    writeFileSync(join(configs, "devices", `${username}.json`), JSON.stringify(fleet), { mode: 0o600 });
  }
  return join(configs, "bridge.json");
}

/** Runs bridges until they have read so many stations in each of some intervals; returns these intervals for each bridge. */
async function measured(configs: readonly string[], stations: number): Promise<Interval[][]> {
  const program = fileURLToPath(new URL("cluster/member.ts", import.meta.url));
  const bridges = configs.map((config) => fork(program, [config, flags.interval]));
  children.push(...bridges);
  const told = new Map<number, Map<number, Interval>>();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  for (const [index, bridge] of bridges.entries()) {
    bridge.once("exit", (code) => reject(new Error(`a bridge ended with ${code}`)));
    bridge.on("message", (interval: Interval) => {
      const ofSlot = told.get(interval.slot) ?? new Map<number, Interval>();
      told.set(interval.slot, ofSlot.set(index, interval));
      if (whole().length === INTERVALS) resolve();
    });
  }
  const whole = () =>
    [...told.values()].filter(
      (ofSlot) => ofSlot.size === bridges.length && total([...ofSlot.values()]) === stations,
    );
  const late = setTimeout(
    () =>
      reject(
        new Error(`the stations were not all read in ${INTERVALS} intervals: ${JSON.stringify([...told])}`),
      ),
    (INTERVALS + 6) * Number(flags.interval) * 1000,
  );
  try {
    await promise;
    return bridges.map((_, index) => whole().map((ofSlot) => ofSlot.get(index)!));
  } finally {
    clearTimeout(late);
    for (const bridge of bridges) {
      bridge.removeAllListeners("exit");
      const ended = once(bridge, "exit");
      if (bridge.exitCode === null) bridge.disconnect();
      if (bridge.exitCode === null) await ended;
    }
  }
}

function total(intervals: readonly Interval[]): number {
  return intervals.reduce((sum, { stations }) => sum + stations, 0);
}

function mean(intervals: readonly Interval[]): number {
  return intervals.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0) / intervals.length;
}

function shown(intervals: readonly Interval[]): string {
  const cpu = intervals.map(({ cpuSeconds }) => cpuSeconds.toFixed(1)).join(", ");
  const last = intervals.at(-1)!;
  return `${last.stations} stations, ${cpu} CPU s an interval, ${last.residentMb.toFixed(0)} MB`;
}

/**
 * `voltbridge plan`, with groups as presumed and as looked up (`--lookup`), beside what a service logs: so many stations
 * of a simulator as devices of one account, ten scrapes of each, every call counted by operation in the simulator's own log.
 *
 * Run: npm run bench:plan -- [stations=1000] [stations of a group=500] [scrapes=10]
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AbleService } from "../src/drivers/abilities.ts";
import type { ChargePointConfig } from "../src/drivers/chargepoint/config.ts";
import { chargepoint } from "../src/drivers/chargepoint/index.ts";
import { createLog } from "../src/log/log.ts";
import type { PointValue } from "../src/points/index.ts";
import { parseRegistry } from "../src/registry/index.ts";
import { SteppedClock, startSimulator } from "../src/simulator/index.ts";
import { outagesTo } from "../test/helpers/outages.ts";
import { voltbridge } from "../test/helpers/voltbridge.ts";

const [stations = 1000, groupSize = 500, scrapes = 10] = process.argv.slice(2).map(Number);
const INTERVAL = 60;
const REGISTRY = "registry/chargepoint.csv";
const STATION_OPERATIONS = 6;

interface PlannedAccount {
  readonly calls: readonly {
    readonly operation: string;
    readonly everySeconds: number;
    readonly calls: number;
  }[];
}

/** The minutes between the scrapes are made up, for the account too. */
let ahead = 0;
const realNow = performance.now.bind(performance);
performance.now = () => realNow() + ahead;

const clock = new SteppedClock();
const simulator = await startSimulator({
  stations,
  stationsPerSite: groupSize,
  clock,
  historyHours: 0,
  incidents: false,
});
const folder = mkdtempSync(join(tmpdir(), "voltbridge-plan-"));
try {
  writeSite();
  const presumed = await plan("--group-size", String(groupSize));
  const lookedUp = await plan("--lookup");
  show(presumed, lookedUp, await scrape());
} finally {
  await simulator.close();
  rmSync(folder, { recursive: true, force: true });
}

function writeSite(): void {
  const { endpoint, username, password } = simulator;
  mkdirSync(join(folder, "devices"));
  writeFileSync(join(folder, "bridge.json"), JSON.stringify({ devices: "devices", registries: "." }));
  writeFileSync(join(folder, "stations.csv"), readFileSync(REGISTRY));
  for (const stationID of simulator.stationIDs) {
    const driver_config = { stationID, endpoint, username, password };
    const config = {
      driver_type: "chargepoint",
      driver_config,
      registry_config: "config://stations.csv",
      interval: INTERVAL,
    };
    const file = join(folder, "devices", `${stationID.replace(":", "-")}.json`);
    writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  }
}

/** Calls of so many scrapes by the plan, by operation; those of the learning once. */
async function plan(...flags: string[]): Promise<Map<string, number>> {
  const args = ["plan", "--config", join(folder, "bridge.json"), "--json", ...flags];
  const { code, stdout, stderr } = await voltbridge(args);
  if (code !== 0) throw new Error(stderr);
  const counts = new Map<string, number>();
  for (const { calls } of JSON.parse(stdout) as PlannedAccount[])
    for (const { operation, everySeconds, calls: each } of calls) {
      const times = Math.ceil((scrapes * INTERVAL) / everySeconds);
      counts.set(operation, (counts.get(operation) ?? 0) + times * each);
    }
  return counts;
}

async function scrape(): Promise<Map<string, number>> {
  const { endpoint, username, password } = simulator;
  const log = createLog({ level: "warn", write: (line) => process.stderr.write(line) });
  const state = new Map<string, PointValue>();
  const service = chargepoint.open({
    log,
    notice: (severity, kind, text) => log.warn(`${severity} ${kind}: ${text}`),
    outages: outagesTo(({ severity, kind, text }) => log.warn(`${severity} ${kind}: ${text}`)),
    state: { get: (key) => state.get(key) ?? null, set: (key, value) => void state.set(key, value) },
  }) as AbleService<ChargePointConfig>;
  const { rows } = parseRegistry(readFileSync(REGISTRY), REGISTRY);
  const common = { endpoint, username, password, region: "NA", cacheExpiration: 0 } as const;
  const shed = { shed_lease_minutes: 60, shed_mode_change: "clear_first" } as const;
  const devices = simulator.stationIDs.map((stationID) =>
    service.createDevice({
      path: stationID,
      rows,
      intervalSeconds: INTERVAL,
      config: { ...common, ...shed, stationID, calls_per_minute: 1_000_000 },
    }),
  );
  const before = simulator.calls.length;
  for (let round = 0; round < scrapes; round++) {
    await Promise.all(devices.map((device) => device.scrapeAll(AbortSignal.timeout(120_000))));
    clock.advance(INTERVAL);
    ahead += INTERVAL * 1000;
  }
  await service.close();
  const counts = new Map<string, number>();
  for (const { operation } of simulator.calls.slice(before))
    counts.set(operation, (counts.get(operation) ?? 0) + 1);
  return counts;
}

type Counts = ReadonlyMap<string, number>;

function show(presumed: Counts, lookedUp: Counts, logged: Counts): void {
  console.log(`${stations} stations in groups of ${groupSize}, ${scrapes} scrapes of each\n`);
  console.log("| operation | planned | planned with --lookup | logged |\n| --- | ---: | ---: | ---: |");
  const columns = [presumed, lookedUp, logged];
  const row = (name: string, of: (counts: Counts) => number) =>
    console.log(`| ${name} | ${columns.map(of).join(" | ")} |`);
  const sum = (counts: Counts) => [...counts.values()].reduce((total, n) => total + n, 0);
  for (const operation of new Set(columns.flatMap((counts) => [...counts.keys()])))
    row(operation, (counts) => counts.get(operation) ?? 0);
  row("all", sum);
  const alone = STATION_OPERATIONS * stations * scrapes;
  console.log(`| one call for each station, operation and scrape | | | ${alone} |`);
  console.log(`\n${(alone / sum(logged)).toFixed(0)} times fewer`);
}

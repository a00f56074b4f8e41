import { rmSync } from "node:fs";
import { Bus } from "../../src/bus.ts";
import { loadAll } from "../../src/cli/setup/load.ts";
import { openDevices, StateStore } from "../../src/devices/index.ts";
import { SiteLimits } from "../../src/limits/index.ts";
import { createLog, Secrets } from "../../src/log/log.ts";
import type { Write } from "../../src/points/index.ts";
import { startSimulator } from "../../src/simulator/index.ts";
import { portLoadKw } from "../../src/simulator/world/stations/station.ts";
import { Site } from "../../test/helpers/site.ts";
import type { takeTime } from "./virtual-time.ts";
import type { Visit } from "./visits.ts";

const MINUTE = 60_000;
/** The day goes from six to six. */
const FIRST_MINUTE = 6 * 60;
/** The load is looked at so often, and whenever something happens. */
const LOOK_MS = 10_000;

export interface Day {
  /** Load of the garage, kW, by ms since midnight. */
  readonly loads: readonly (readonly [ms: number, kw: number])[];
  /** kWh by vehicle, at the end of its visit or of the day. */
  readonly energy: ReadonlyMap<string, number>;
  /** Calls of the service by operation. */
  readonly calls: ReadonlyMap<string, number>;
  readonly writes: readonly Write[];
  readonly lines: readonly string[];
}

/** One simulated day of the garage. With `limitKw` a bridge runs beside it; without, nobody limits anything. */
export async function runDay(
  time: ReturnType<typeof takeTime>,
  visits: readonly Visit[],
  ports: number,
  limitKw: number | undefined,
): Promise<Day> {
  const midnight = time.now() - FIRST_MINUTE * MINUTE;
  const simulator = await startSimulator({
    stations: ports / 2,
    model: "CT4021-GW1",
    clock: { now: () => time.now() },
    traffic: false,
    incidents: false,
  });
  const { world } = simulator;
  const loads: [number, number][] = [];
  const energy = new Map<string, number>();
  const calls = new Map<string, number>();
  let counted = 0;
  const stations = simulator.stationIDs.map((id) => world.findStation(id)!);
  const portOf = (port: number) => [simulator.stationIDs[port >> 1]!, String((port & 1) + 1)] as const;
  const look = () => {
    const { now } = world.catchUp();
    const kw = stations.reduce(
      (sum, station) => sum + station.ports.reduce((inner, port) => inner + portLoadKw(port, now), 0),
      0,
    );
    const last = loads.at(-1);
    if (last?.[1] !== kw || now - midnight - last[0] >= LOOK_MS) loads.push([now - midnight, kw]);
  };
  const bridge = limitKw === undefined ? undefined : await startControl(simulator, limitKw);
  const sessions = new Map<string, { kwhAt(time: number): number }>();
  for (let minute = FIRST_MINUTE; minute < FIRST_MINUTE + 24 * 60; minute++) {
    for (const visit of visits) {
      if (visit.until === minute) {
        energy.set(visit.vehicle, sessions.get(visit.vehicle)!.kwhAt(time.now()));
        world.unplug(...portOf(visit.port));
      }
      if (visit.from === minute) {
        const { kw, needKwh } = visit;
        sessions.set(visit.vehicle, world.plugIn(...portOf(visit.port), { kw, needKwh }));
      }
    }
    for (let ms = 0; ms < MINUTE; ms += LOOK_MS) await time.pass(LOOK_MS, look);
    for (const { number, operation } of simulator.calls) {
      if (number <= counted || !operation) continue;
      counted = number;
      calls.set(operation, (calls.get(operation) ?? 0) + 1);
    }
  }
  for (const [vehicle, session] of sessions)
    if (!energy.has(vehicle)) energy.set(vehicle, session.kwhAt(time.now()));
  bridge?.stop();
  await time.settle();
  return { loads, energy, calls, writes: bridge?.writes ?? [], lines: bridge?.lines ?? [] };
}

/** The bridge's devices, actuator, leases and limit controller, configured by files as ever; nothing goes to a broker. */
async function startControl(
  service: { endpoint: string; username: string; password: string; stationIDs: readonly string[] },
  limitKw: number,
) {
  const site = new Site({
    ...service,
    bridge: { limits: { garage: { devices: ["site/*"], max_kw: limitKw } } },
    device: { interval: 60, registry_config: "config://chargepoint.csv" },
  });
  const lines: string[] = [];
  const log = createLog({ write: (line) => void lines.push(line) });
  const { settings, devices } = await loadAll({ config: site.config, secrets: new Secrets(), env: {} });
  const bus = new Bus((event, error) => console.error(event, error));
  const state = StateStore.open(":memory:");
  const writes: Write[] = [];
  bus.on("write", (write) => write.status !== undefined && writes.push(write));
  const running = openDevices({ devices, settings, bus, log, state });
  const limits = new SiteLimits({
    groups: settings.limits,
    bus,
    commands: running.commands,
    devices: running.byPath,
    state,
    log,
    maxCommandAgeSeconds: settings.actuator.maxCommandAgeSeconds,
    readOnly: false,
  });
  running.start();
  limits.start();
  return {
    writes,
    lines,
    stop() {
      limits.stop();
      void running.stop();
      rmSync(site.folder, { recursive: true, force: true });
    },
  };
}

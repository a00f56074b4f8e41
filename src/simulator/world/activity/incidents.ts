import { Random } from "../sessions/random.ts";
import type { Port, Station } from "../stations/station.ts";
import { recharge } from "./charging.ts";
import type { WorldState } from "./state.ts";

const MS_PER_MINUTE = 60_000;
const MS_PER_DAY = 86_400_000;
const DAYS_BETWEEN_OUTAGES = 25;
const DAYS_BETWEEN_FAULTS = 6;
const FAULTS = ["GFCI Soft Trip", "Over Current", "Pilot Unreachable"] as const;

/**
 * Makes stations lose their supply and ports fail occasionally; each recovers by itself. Times and places are drawn for all
 * of them together: a plan for each of many thousand ports would need more memory than the ports.
 */
export function exposeToIncidents(state: WorldState): void {
  const ports = state.stations.flatMap((station) => station.ports.map((port) => ({ station, port })));
  const outages = new Random(state.seed, 0x0a7a);
  const faults = new Random(state.seed, 0xfa17);
  repeat(state, outages, (DAYS_BETWEEN_OUTAGES * MS_PER_DAY) / state.stations.length, () => {
    loseSupply(state, outages.pick(state.stations), outages.between(4, 45) * MS_PER_MINUTE);
  });
  repeat(state, faults, (DAYS_BETWEEN_FAULTS * MS_PER_DAY) / ports.length, () => {
    const { station, port } = faults.pick(ports);
    fail(state, station, port, faults.pick(FAULTS), faults.between(3, 25) * MS_PER_MINUTE);
  });
}

/** The station loses its supply: it delivers nothing and the network cannot reach it, until {@link reconnect}. */
export function disconnect(state: WorldState, station: Station): void {
  if (station.unreachableSince !== null) return;
  station.unreachableSince = state.now;
  raise(state, station, null, "Unreachable");
  recharge(state, station);
}

export function reconnect(state: WorldState, station: Station): void {
  if (station.unreachableSince === null) return;
  station.unreachableSince = null;
  raise(state, station, null, "Reachable");
  recharge(state, station);
}

/** The port is out of order and delivers nothing, until {@link repair}. */
export function breakDown(state: WorldState, station: Station, port: Port, fault: string): void {
  if (port.fault !== null) return;
  port.fault = fault;
  raise(state, station, port, fault);
  recharge(state, station);
}

export function repair(state: WorldState, station: Station, port: Port): void {
  if (port.fault === null) return;
  port.fault = null;
  raise(state, station, port, "fault cleared");
  recharge(state, station);
}

export function raise(state: WorldState, station: Station, port: Port | null, type: string): void {
  state.alarms.add({ stationID: station.id, portNumber: port?.number ?? null, type, at: state.now });
}

/** Repeats an action once in `meanMs` on average, without end. */
function repeat(state: WorldState, random: Random, meanMs: number, happen: () => void): void {
  state.agenda.plan(state.now + random.exponential(meanMs), () => {
    happen();
    repeat(state, random, meanMs, happen);
  });
}

function loseSupply(state: WorldState, station: Station, forMs: number): void {
  if (station.unreachableSince !== null) return;
  disconnect(state, station);
  state.agenda.plan(state.now + forMs, () => reconnect(state, station));
}

function fail(state: WorldState, station: Station, port: Port, fault: string, forMs: number): void {
  if (port.fault !== null) return;
  breakDown(state, station, port, fault);
  state.agenda.plan(state.now + forMs, () => repair(state, station, port));
}

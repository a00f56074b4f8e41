import { recharge } from "./charging.ts";
import type { WorldState } from "./state.ts";
import type { Port, Station } from "./station.ts";

const MS_PER_MINUTE = 60_000;
const MS_PER_DAY = 86_400_000;
const DAYS_BETWEEN_OUTAGES = 25;
const DAYS_BETWEEN_FAULTS = 6;
const FAULTS = ["GFCI Soft Trip", "Over Current", "Pilot Unreachable"] as const;

/** Lets a station lose its supply, and its ports break down, once in a while; each comes right by itself. */
export function exposeToIncidents(state: WorldState, station: Station): void {
  expectOutage(state, station);
  for (const port of station.ports) expectFault(state, station, port);
}

/** The station is without supply: it gives nothing and the network cannot reach it, until {@link reconnect}. */
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

/** The port is out of order and gives nothing, until {@link repair}. */
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

function expectOutage(state: WorldState, station: Station): void {
  const { random } = station;
  state.agenda.plan(state.now + random.exponential(DAYS_BETWEEN_OUTAGES * MS_PER_DAY), () => {
    disconnect(state, station);
    state.agenda.plan(state.now + random.between(4, 45) * MS_PER_MINUTE, () => {
      reconnect(state, station);
      expectOutage(state, station);
    });
  });
}

function expectFault(state: WorldState, station: Station, port: Port): void {
  const { random } = port;
  state.agenda.plan(state.now + random.exponential(DAYS_BETWEEN_FAULTS * MS_PER_DAY), () => {
    breakDown(state, station, port, random.pick(FAULTS));
    state.agenda.plan(state.now + random.between(3, 25) * MS_PER_MINUTE, () => {
      repair(state, station, port);
      expectFault(state, station, port);
    });
  });
}

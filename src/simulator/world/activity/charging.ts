import { acceptedKw, nextStretch } from "../sessions/curve.ts";
import type { Limit } from "../sessions/limit.ts";
import { Random } from "../sessions/random.ts";
import { type EndedBy, Session } from "../sessions/session.ts";
import type { Visit } from "../sessions/visit.ts";
import { bindingLimit, type Port, type Station } from "../stations/station.ts";
import type { WorldState } from "./state.ts";

/** Plugging in, charging and plugging out: computes the load of a port. */

export function plugIn(state: WorldState, station: Station, port: Port, visit: Visit): Session {
  if (port.session) throw new Error(`port ${port.number} of station ${station.id} is in use`);
  state.agenda.drop(port.arrival);
  const session = new Session(state.nextSessionID(), station.id, port.number, visit, state.now);
  port.session = session;
  state.sessions.add(session);
  state.parked.set(visit.driverNumber, session);
  recharge(state, station);
  return session;
}

/** Ends the session of a port, if any. The caller decides what happens at the port next. */
export function plugOut(state: WorldState, station: Station, port: Port, endedBy: EndedBy): void {
  const { session } = port;
  if (session === null) return;
  session.end(state.now, endedBy);
  port.session = null;
  const { driverNumber } = session.visit;
  // A driver planned by hand can be at two ports.
  if (state.parked.get(driverNumber) === session) state.parked.delete(driverNumber);
  if (station.pricing !== null) state.transactions.add(session);
  state.agenda.drop(port.phase);
  state.agenda.drop(port.departure);
  port.phase = null;
  port.departure = null;
  recharge(state, station);
}

/**
 * Computes the load of every port of a station, and when it will change next. Called whenever something changes that
 * affects it: a vehicle, a limit, a fault, the supply.
 */
export function recharge(state: WorldState, station: Station): void {
  const caps = capsOf(state, station);
  for (const port of station.ports) {
    const { session } = port;
    if (session === null) continue;
    const { current } = session;
    const next = nextStretch(session.visit.acceptance, caps.get(port)!, state.now, session.kwhAt(state.now));
    const unchanged =
      next.stretch.decayPerHour > 0
        ? current.decayPerHour > 0
        : current.decayPerHour === 0 && current.kw === next.stretch.kw;
    if (unchanged && port.phase !== null && !port.phase.dropped) continue;
    if (!unchanged) session.continueWith(next.stretch);
    state.agenda.drop(port.phase);
    port.phase = state.agenda.plan(next.until, () => recharge(state, station));
  }
}

/**
 * Returns the maximum power of each port. Ports that share a limit or a supply get equal parts of it, less what one of them
 * leaves over.
 */
function capsOf(state: WorldState, station: Station): Map<Port, number> {
  const caps = new Map<Port, number>();
  const sharing = new Map<Limit, Port[]>();
  for (const port of station.ports) {
    const limit = bindingLimit(port);
    if (station.unreachableSince !== null || port.fault !== null) caps.set(port, 0);
    else if (limit === null) caps.set(port, Number.POSITIVE_INFINITY);
    else sharing.set(limit, [...(sharing.get(limit) ?? []), port]);
  }
  for (const [limit, ports] of sharing) share(limit.kw, ports, caps, state.now);
  const { sharedKw } = station.model;
  if (sharedKw !== null) share(sharedKw, station.ports, caps, state.now);
  return caps;
}

/** Divides the available power among ports; none gets more than its previous cap. */
function share(kw: number, ports: readonly Port[], caps: Map<Port, number>, now: number): void {
  const demands = ports
    .map((port) => ({ port, kw: Math.min(demandKw(port, now), caps.get(port) ?? Number.POSITIVE_INFINITY) }))
    .sort((a, b) => a.kw - b.kw);
  let left = kw;
  demands.forEach((demand, index) => {
    const cap = Math.min(demand.kw, left / (demands.length - index));
    caps.set(demand.port, cap);
    left -= cap;
  });
}

function demandKw(port: Port, now: number): number {
  return port.session === null ? 0 : acceptedKw(port.session.visit.acceptance, port.session.kwhAt(now));
}

/** Time in which drivers move their vehicles when they are notified. */
const MOVE_WITHIN_MS = 15 * 60_000;

/**
 * Notifies the driver at a port that the session is complete (guide §9.3). Where the station's policy requires it, the
 * vehicle is moved within a quarter of an hour; otherwise it stays, and the session continues.
 */
export function tellDone(state: WorldState, station: Station, port: Port, afterwards: () => void): void {
  const { session } = port;
  if (session === null || station.waitlist !== "move") return;
  const random = new Random(state.seed, 0xd04e, session.id);
  const at = Math.ceil((state.now + random.between(0.1, 1) * MOVE_WITHIN_MS) / 1000) * 1000;
  if (port.departure !== null && port.departure.at <= at) return;
  state.agenda.drop(port.departure);
  port.departure = state.agenda.plan(at, () => {
    plugOut(state, station, port, "Customer");
    afterwards();
  });
}

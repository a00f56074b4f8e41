import { acceptedKw, nextStretch } from "../sessions/curve.ts";
import type { Limit } from "../sessions/limit.ts";
import { Random } from "../sessions/random.ts";
import { type EndedBy, Session } from "../sessions/session.ts";
import type { Visit } from "../sessions/visit.ts";
import { bindingLimit, type Port, type Station } from "../stations/station.ts";
import type { WorldState } from "./state.ts";

/** Plugging in, charging, plugging out: how the load of a port comes about. */

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

/** Ends the session of a port, if there is one. Whoever calls it says what happens to the port next. */
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
 * Works out the load of every port of a station anew, and when it will next change course. To be called whenever
 * something that bears on it has changed: a vehicle, a limit, a fault, the supply.
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

/** What each port may draw at most. Ports that share a limit or a supply get equal parts of it, less what one of them leaves over. */
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

/** Divides what there is among ports; none gets more than its cap so far. */
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

/** How long drivers have to move their vehicles when they are told that they are done. */
const MOVE_WITHIN_MS = 15 * 60_000;

/**
 * Tells the driver at a port that the session is done (guide §9.3). Where the station's policy says so, the vehicle is
 * moved within a quarter of an hour; else it stays, and the session goes on.
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

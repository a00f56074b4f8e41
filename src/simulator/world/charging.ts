import { acceptedKw, nextStretch } from "./curve.ts";
import { type EndedBy, Session } from "./session.ts";
import type { WorldState } from "./state.ts";
import type { Limit, Port, Station } from "./station.ts";
import type { Visit } from "./visit.ts";

/** Plugging in, charging, plugging out: how the load of a port comes about. */

export function plugIn(state: WorldState, station: Station, port: Port, visit: Visit): Session {
  if (port.session) throw new Error(`port ${port.number} of station ${station.id} is in use`);
  state.agenda.drop(port.arrival);
  const session = new Session(state.nextSessionID(), station.id, port.number, visit, state.now);
  port.session = session;
  state.sessions.add(session);
  state.parked.add(visit.driverNumber);
  recharge(state, station);
  return session;
}

/** Ends the session of a port, if there is one. Whoever calls it says what happens to the port next. */
export function plugOut(state: WorldState, station: Station, port: Port, endedBy: EndedBy): void {
  const { session } = port;
  if (session === null) return;
  session.endedAt = state.now;
  session.endedBy = endedBy;
  port.session = null;
  state.parked.delete(session.visit.driverNumber);
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

/** What each port may draw at most. Ports that share a limit get equal parts of it, less what one of them leaves over. */
function capsOf(state: WorldState, station: Station): Map<Port, number> {
  const caps = new Map<Port, number>();
  const sharing = new Map<Limit, Port[]>();
  for (const port of station.ports) {
    if (station.unreachableSince !== null || port.fault !== null) caps.set(port, 0);
    else if (port.limit === null) caps.set(port, Number.POSITIVE_INFINITY);
    else sharing.set(port.limit, [...(sharing.get(port.limit) ?? []), port]);
  }
  for (const [limit, ports] of sharing) {
    const demands = ports
      .map((port) => ({ port, kw: demandKw(port, state.now) }))
      .sort((a, b) => a.kw - b.kw);
    let left = limit.kw;
    demands.forEach(({ port, kw }, index) => {
      const cap = Math.min(kw, left / (demands.length - index));
      caps.set(port, cap);
      left -= cap;
    });
  }
  return caps;
}

function demandKw(port: Port, now: number): number {
  return port.session === null ? 0 : acceptedKw(port.session.visit.acceptance, port.session.kwhAt(now));
}

import { plugOut } from "./charging.ts";
import { Random } from "./random.ts";
import type { WorldState } from "./state.ts";
import type { Port, Station } from "./station.ts";

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

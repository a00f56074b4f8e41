import { vehicleOf } from "../sessions/driver.ts";
import { drawVisit, type Visit } from "../sessions/visit.ts";
import type { Port, Station } from "../stations/station.ts";
import { plugIn, plugOut } from "./charging.ts";
import type { WorldState } from "./state.ts";

const MS_PER_HOUR = 3_600_000;

/** Vehicles arriving at a free port per hour, by the hour of a working day: most in the morning, and after lunch. */
const ARRIVALS_PER_HOUR = [
  0.15, 0.12, 0.12, 0.12, 0.15, 0.2, 0.5, 1.3, 1.9, 1.1, 0.7, 0.8, 1.4, 1.3, 0.7, 0.6, 0.6, 0.6, 0.5, 0.4,
  0.35, 0.3, 0.25, 0.2,
];
const WEEKEND_SHARE = 0.6;
const BUSIEST = Math.max(...ARRIVALS_PER_HOUR);

/** Sends vehicles to a port, one after the other, without end. */
export function openPort(state: WorldState, station: Station, port: Port): void {
  expectArrival(state, station, port, nextArrival(station, port, state.now));
}

/** Does what {@link openPort} does, with the first vehicle at a given time. */
export function expectArrival(state: WorldState, station: Station, port: Port, at: number): void {
  state.agenda.drop(port.arrival);
  port.arrival = state.agenda.plan(at, () => arrive(state, station, port));
}

function arrive(state: WorldState, station: Station, port: Port): void {
  const outOfOrder = port.fault !== null || station.unreachableSince !== null;
  const visitor = outOfOrder || port.session !== null ? null : findDriver(state, station, port);
  if (visitor === null) {
    openPort(state, station, port);
    return;
  }
  const visit = drawVisit(port.random, visitor, vehicleOf(state.seed, visitor), {
    kw: port.kw,
    dc: station.model.dc,
  });
  plugIn(state, station, port, visit);
  planDeparture(state, station, port, visit, () => openPort(state, station, port));
}

/** Ends a visit when the stay is over. */
export function planDeparture(
  state: WorldState,
  station: Station,
  port: Port,
  visit: Visit,
  afterwards: () => void,
): void {
  port.departure = state.agenda.plan(wholeSecond(state.now + visit.stayMs), () => {
    const endedBy = station.unreachableSince !== null ? "Station Offline" : "Plug Out at Vehicle";
    plugOut(state, station, port, endedBy);
    afterwards();
  });
}

/** Returns the number of a driver who is not parked elsewhere; at a home unit, its resident's. */
function findDriver(state: WorldState, station: Station, port: Port): number | null {
  const { residentNumber } = station;
  if (residentNumber !== null) return state.parked.has(residentNumber) ? null : residentNumber;
  for (let attempt = 0; attempt < 20; attempt++) {
    const number = port.random.below(state.driverCount);
    if (!state.parked.has(number)) return number;
  }
  return null;
}

/** Returns the waiting time of a random process whose rate changes over the day, by thinning the busiest hour's rate. */
function nextArrival(station: Station, port: Port, from: number): number {
  let at = from;
  do at += port.random.exponential(1 / BUSIEST) * MS_PER_HOUR;
  while (!port.random.chance(arrivalsPerHour(at + station.site.offsetHours * MS_PER_HOUR) / BUSIEST));
  return wholeSecond(at);
}

function arrivalsPerHour(localTime: number): number {
  const local = new Date(localTime);
  const rate = ARRIVALS_PER_HOUR[local.getUTCHours()] as number;
  return local.getUTCDay() % 6 === 0 ? rate * WEEKEND_SHARE : rate;
}

function wholeSecond(time: number): number {
  return Math.ceil(time / 1000) * 1000;
}

import type { WorldClock } from "../clock.ts";
import { plugIn, plugOut, tellDone } from "./activity/charging.ts";
import { EventBook } from "./activity/events.ts";
import { Fleets } from "./activity/fleets.ts";
import { breakDown, disconnect, exposeToIncidents, raise, reconnect, repair } from "./activity/incidents.ts";
import type { Alarm, SessionBook, TransactionBook } from "./activity/records.ts";
import { driverOfRfid, driverOfUser, Roster } from "./activity/roster.ts";
import { clearShed, type ShedOrder, shedPort, shedStation } from "./activity/shedding.ts";
import { WorldState } from "./activity/state.ts";
import { expectArrival, openPort, planDeparture } from "./activity/traffic.ts";
import { type Driver, driver } from "./sessions/driver.ts";
import type { Session } from "./sessions/session.ts";
import { type PlannedVisit, planVisit } from "./sessions/visit.ts";
import type { Layout } from "./stations/build.ts";
import { Directory } from "./stations/directory.ts";
import type { Organisation } from "./stations/organisations.ts";
import type { Port, Station } from "./stations/station.ts";

const MS_PER_HOUR = 3_600_000;
/** Limit of a day for 10,000 stations: a second or two of computation at the start. */
const FULL_HISTORY_STATION_HOURS = 240_000;

/** Returns the time for which a world has been running when it starts: a day, less for very many stations. */
export function historyHoursFor(stations: number): number {
  return Math.min(24, FULL_HISTORY_STATION_HOURS / stations);
}

export interface WorldOptions extends Layout {
  readonly seed: number;
  readonly stations: number;
  readonly clock: WorldClock;
  /** Whether vehicles arrive by themselves. Otherwise only those that {@link World.plugIn} adds. */
  readonly traffic: boolean;
  /** Whether stations lose their supply and ports break down by themselves. */
  readonly incidents: boolean;
  /** Time for which it has been running when it starts, so that sessions and alarms exist. */
  readonly historyHours: number;
  /** Minimum number of ended sessions that are kept. */
  readonly keepSessions?: number | undefined;
}

/**
 * Stations, vehicles, sessions, alarms. The world changes only when it is read: {@link World.catchUp} simulates everything
 * up to the clock's present time, each event at its own instant. So the same seed and the same calls at the same times lead
 * to the same state, however often it was read in between.
 */
export class World extends Directory {
  readonly fleets: Fleets;
  readonly events: EventBook;
  readonly #state: WorldState;
  readonly #clock: WorldClock;
  readonly #rosters = new Map<Organisation, Roster>();
  readonly #traffic: boolean;

  constructor(options: WorldOptions) {
    const start = options.clock.now();
    const { seed, stations, historyHours } = options;
    const state = new WorldState(
      seed,
      stations,
      start - historyHours * MS_PER_HOUR,
      options,
      options.keepSessions,
    );
    super(state.stations, state.groups);
    this.#state = state;
    this.fleets = new Fleets(state);
    this.events = new EventBook(state);
    this.#clock = options.clock;
    this.#traffic = options.traffic;
    if (options.incidents) exposeToIncidents(state);
    if (options.traffic) this.#openDoors(start);
    this.#advance(start);
  }

  /** The time up to which the world was simulated, milliseconds since 1970. */
  get now(): number {
    return this.#state.now;
  }

  /** In the order in which they started, including active ones; the oldest are eventually dropped. */
  get sessions(): readonly Session[] {
    return this.#state.sessions.entries;
  }

  get sessionBook(): SessionBook {
    return this.#state.sessions;
  }

  get transactionBook(): TransactionBook {
    return this.#state.transactions;
  }

  /** Drivers known to an organisation. */
  rosterOf(organisation: Organisation): Roster {
    const roster = this.#rosters.get(organisation) ?? new Roster(this.#state, organisation);
    this.#rosters.set(organisation, roster);
    return roster;
  }

  /** Alarms that were not cleared, oldest first. */
  get alarms(): readonly Alarm[] {
    return this.#state.alarms.entries;
  }

  /** Simulates everything up to now. */
  catchUp(): this {
    this.#advance(this.#clock.now());
    return this;
  }

  findSession(id: number): Session | undefined {
    return this.#state.sessions.find(id);
  }

  /** Returns the driver of a session. */
  driverOf(session: Session): Driver {
    return this.driver(session.visit.driverNumber);
  }

  driver(number: number): Driver {
    return driver(this.#state.seed, number);
  }

  hasDriver(number: number): boolean {
    return number < this.#state.people;
  }

  /** The number of the driver with a user ID; null where there is none. */
  driverOfUser(userID: string): number | null {
    return driverOfUser(this.#state, userID);
  }

  /** Returns the number of the driver with this RFID; null where no known driver has it. */
  driverOfRfid(rfid: string): number | null {
    return driverOfRfid(this.#state, rfid);
  }

  /** Plugs a vehicle in at a free port. @throws where the port is in use or unknown */
  plugIn(stationID: string, portNumber: string, plan: PlannedVisit = {}): Session {
    const { station, port } = this.#find(stationID, portNumber);
    const visit = planVisit(plan, port);
    const session = plugIn(this.#state, station, port, visit);
    planDeparture(this.#state, station, port, visit, () => {});
    return session;
  }

  /** Notifies the driver at a port that the session is complete; the station's waitlist policy decides what follows. */
  tellDone(station: Station, port: Port): void {
    tellDone(this.#state, station, port, () => {
      if (this.#traffic) openPort(this.#state, station, port);
    });
  }

  unplug(stationID: string, portNumber: string): void {
    const { station, port } = this.#find(stationID, portNumber);
    plugOut(this.#state, station, port, "Customer");
  }

  /** The station loses its supply, and the network cannot reach it. */
  disconnect(stationID: string): void {
    disconnect(this.#state, this.#find(stationID).station);
  }

  reconnect(stationID: string): void {
    reconnect(this.#state, this.#find(stationID).station);
  }

  /** The port fails and raises an alarm of this type. */
  breakDown(stationID: string, portNumber: string, fault = "GFCI Soft Trip"): void {
    const { station, port } = this.#find(stationID, portNumber);
    breakDown(this.#state, station, port, fault);
  }

  repair(stationID: string, portNumber: string): void {
    const { station, port } = this.#find(stationID, portNumber);
    repair(this.#state, station, port);
  }

  /** Raises an alarm without consequences, of the station where no port is named. */
  raiseAlarm(stationID: string, type: string, portNumber?: string): void {
    const station = this.#find(stationID).station;
    raise(this.#state, station, portNumber ? this.#find(stationID, portNumber).port : null, type);
  }

  /** Clears alarms; returns how many. */
  clearAlarms(matches: (alarm: Alarm) => boolean): number {
    return this.#state.alarms.remove(matches);
  }

  shedStation(station: Station, order: ShedOrder): void {
    shedStation(this.#state, station, order);
  }

  shedPort(station: Station, port: Port, order: ShedOrder): void {
    shedPort(this.#state, station, port, order);
  }

  clearShed(station: Station, ports?: readonly Port[]): void {
    clearShed(this.#state, station, ports);
  }

  #find(stationID: string): { station: Station };
  #find(stationID: string, portNumber: string): { station: Station; port: Port };
  #find(stationID: string, portNumber?: string): { station: Station; port?: Port } {
    this.catchUp();
    const station = this.findStation(stationID);
    if (!station) throw new Error(`there is no station ${stationID}`);
    if (portNumber === undefined) return { station };
    const port = station.ports.find((candidate) => candidate.number === portNumber);
    if (!port) throw new Error(`station ${stationID} has no port ${portNumber}`);
    return { station, port };
  }

  /** Opens every port; at any hour, about half of them are in use at `start`. */
  #openDoors(start: number): void {
    const state = this.#state;
    const ports = state.stations.flatMap((station) => station.ports.map((port) => ({ station, port })));
    for (const { station, port } of ports) openPort(state, station, port);
    const from = Math.max(state.now, start - 0.75 * MS_PER_HOUR);
    this.#advance(from);
    const idle = ports.filter(({ port }) => port.session === null);
    // Some of the present visits end before the start.
    const missing = (0.55 * ports.length - (ports.length - idle.length)) / Math.max(1, idle.length);
    for (const { station, port } of idle) {
      if (!port.random.chance(missing)) continue;
      const at = Math.ceil(port.random.between(from, start) / 1000) * 1000;
      expectArrival(state, station, port, Math.min(at, start));
    }
  }

  #advance(now: number): void {
    const state = this.#state;
    for (let next = state.agenda.take(now); next !== undefined; next = state.agenda.take(now)) {
      // Events planned for a past instant happen now.
      state.now = Math.max(state.now, next.at);
      next.act();
    }
    state.now = Math.max(state.now, now);
  }
}

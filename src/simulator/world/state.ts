import { Agenda } from "./agenda.ts";
import { buildStations } from "./build.ts";
import { type Alarm, Chronicle, SessionBook } from "./records.ts";
import type { Group } from "./sites.ts";
import type { Station } from "./station.ts";

const FIRST_SESSION = 910_000_001;

/** All that there is in a world. The behaviours beside this file change it, each its own part. */
export class WorldState {
  readonly seed: number;
  readonly stations: readonly Station[];
  readonly groups: readonly Group[];
  readonly agenda = new Agenda();
  readonly sessions: SessionBook;
  readonly alarms: Chronicle<Alarm>;
  /** Drivers on the road: so many that a port is hardly ever missed by all of them. */
  readonly driverCount: number;
  /** Numbers of the drivers who are plugged in. */
  readonly parked = new Set<number>();
  /** How far the world has come, milliseconds since 1970. */
  now: number;
  #nextSession = FIRST_SESSION;

  constructor(seed: number, stationCount: number, start: number) {
    const { stations, groups } = buildStations(seed, stationCount);
    const ports = stations.reduce((sum, station) => sum + station.ports.length, 0);
    this.seed = seed;
    this.stations = stations;
    this.groups = groups;
    this.now = start;
    this.driverCount = 40 + 6 * ports;
    this.sessions = new SessionBook(Math.min(500_000, Math.max(10_000, 100 * ports)));
    this.alarms = new Chronicle(Math.min(50_000, Math.max(1_000, 20 * ports)));
  }

  nextSessionID(): number {
    return this.#nextSession++;
  }
}

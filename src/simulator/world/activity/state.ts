import { Agenda } from "../sessions/agenda.ts";
import type { Session } from "../sessions/session.ts";
import { buildStations, type Layout } from "../stations/build.ts";
import type { Group } from "../stations/groups.ts";
import type { Station } from "../stations/station.ts";
import { type Alarm, Chronicle, SessionBook, TransactionBook } from "./records.ts";

const FIRST_SESSION = 910_000_001;
const FIRST_TRANSACTION = 5_000_001;
/** What a gigabyte has room for beside 100,000 stations. */
const MOST_ENDED_SESSIONS = 120_000;

/** All that there is in a world. The behaviours beside this file change it, each its own part. */
export class WorldState {
  readonly seed: number;
  readonly stations: readonly Station[];
  readonly groups: readonly Group[];
  readonly agenda = new Agenda();
  readonly sessions: SessionBook;
  readonly transactions: TransactionBook;
  readonly alarms: Chronicle<Alarm>;
  /** Drivers on the road: so many that a port is hardly ever missed by all of them. */
  readonly driverCount: number;
  /** All drivers: those on the road, then those of the home units. */
  readonly people: number;
  /** In which session a driver is plugged in, by number. */
  readonly parked = new Map<number, Session>();
  readonly startedAt: number;
  /** How far the world has come, milliseconds since 1970. */
  now: number;
  #nextSession = FIRST_SESSION;

  /** `keepSessions`: how many sessions that are over it remembers, at least. */
  constructor(seed: number, stationCount: number, start: number, layout?: Layout, keepSessions = 0) {
    const { stations, groups } = buildStations(seed, stationCount, layout);
    const ports = stations.reduce((sum, station) => sum + station.ports.length, 0);
    this.seed = seed;
    this.stations = stations;
    this.groups = groups;
    this.startedAt = start;
    this.now = start;
    this.driverCount = 40 + 6 * ports;
    const homes = stations.filter(({ model }) => model.home);
    homes.forEach((home, index) => {
      home.residentNumber = this.driverCount + index;
    });
    this.people = this.driverCount + homes.length;
    const most = Math.max(keepSessions, Math.min(MOST_ENDED_SESSIONS, Math.max(10_000, 100 * ports)));
    this.sessions = new SessionBook(most + ports);
    this.transactions = new TransactionBook(most, FIRST_TRANSACTION);
    this.alarms = new Chronicle(Math.min(50_000, Math.max(1_000, 20 * ports)));
  }

  nextSessionID(): number {
    return this.#nextSession++;
  }
}

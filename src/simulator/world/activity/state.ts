import { Agenda } from "../sessions/agenda.ts";
import type { Session } from "../sessions/session.ts";
import { buildStations, type Layout } from "../stations/build.ts";
import type { Group } from "../stations/groups.ts";
import type { Station } from "../stations/station.ts";
import { type Alarm, Chronicle, SessionBook, TransactionBook } from "./records.ts";

const FIRST_SESSION = 910_000_001;
const FIRST_TRANSACTION = 5_000_001;
/** Number that fits into a gigabyte beside 100,000 stations. */
const MOST_ENDED_SESSIONS = 120_000;

/** The complete state of a world. Each of the behaviours in this folder changes its own part. */
export class WorldState {
  readonly seed: number;
  readonly stations: readonly Station[];
  readonly groups: readonly Group[];
  readonly agenda = new Agenda();
  readonly sessions: SessionBook;
  readonly transactions: TransactionBook;
  readonly alarms: Chronicle<Alarm>;
  /** Number of drivers who move around, large enough that a port rarely lacks one. */
  readonly driverCount: number;
  /** All drivers: those who move around, then those of the home units. */
  readonly people: number;
  /** The session in which a driver is plugged in, by number. */
  readonly parked = new Map<number, Session>();
  readonly startedAt: number;
  /** The time up to which the world was simulated, milliseconds since 1970. */
  now: number;
  #nextSession = FIRST_SESSION;

  /** `keepSessions`: minimum number of ended sessions that are kept. */
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

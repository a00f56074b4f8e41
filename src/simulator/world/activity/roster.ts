import { driver, driverIDs } from "../sessions/driver.ts";
import { Random } from "../sessions/random.ts";
import { ORGANISATIONS, type Organisation } from "../stations/organisations.ts";
import type { Station } from "../stations/station.ts";
import type { WorldState } from "./state.ts";

/** Terms of guide §9.1.3. */
export type ConnectionStatus = "APPROVED" | "REJECTED" | "PENDING" | "NOT CONNECTED";
export type RealmStatus = "APPROVED" | "NOT MANAGED";

/** The relation of an organisation to a driver. */
export interface Member {
  readonly number: number;
  connection: ConnectionStatus;
  /** When the driver requested the connection; null where there was no request. */
  readonly requestedAt: number | null;
  realm: RealmStatus;
  readonly signedUpAt: number | null;
  /** The driver's information in the request, by the keys of the organisation's offer. */
  readonly customInfo: readonly { readonly key: string; readonly value: string }[];
  /** The home unit, for drivers to whom the organisation gave one. */
  readonly home: Station | null;
  modifiedAt: number;
}

const MOST_CONNECTED = 2000;
const MS_PER_DAY = 86_400_000;
/** By the last digit of the driver's number. */
const CONNECTIONS: readonly ConnectionStatus[] = [
  ...Array<ConnectionStatus>(7).fill("APPROVED"),
  "PENDING",
  "REJECTED",
  "NOT CONNECTED",
];

/** Drivers who requested a connection with an organisation or are managed by it, by their numbers. */
export class Roster {
  readonly #state: WorldState;
  readonly #members = new Map<number, Member>();

  constructor(state: WorldState, organisation: Organisation) {
    this.#state = state;
    const offset = 3 * ORGANISATIONS.indexOf(organisation);
    const homes = state.stations.filter(
      (station) => station.residentNumber !== null && station.organisation === organisation,
    );
    const connected = Math.min(state.driverCount, MOST_CONNECTED);
    for (let number = 0; number < connected; number++) this.#join(number, offset, null);
    for (const home of homes) this.#join(home.residentNumber!, offset, home);
  }

  /** In the order of their numbers. */
  get members(): Iterable<Member> {
    return this.#members.values();
  }

  find(number: number): Member | undefined {
    return this.#members.get(number);
  }

  /** Returns whether the driver requested a connection that was approved. */
  knows(number: number): boolean {
    return this.#members.get(number)?.connection === "APPROVED";
  }

  #join(number: number, offset: number, home: Station | null): void {
    const { seed, startedAt } = this.#state;
    const random = new Random(seed, 0xc0ec, offset, number);
    const connection = home ? "APPROVED" : CONNECTIONS[(number + offset) % CONNECTIONS.length]!;
    const managed = home !== null || number % 4 === 1;
    // Drivers who are neither connected nor managed are unknown here.
    if (connection === "NOT CONNECTED" && !managed) return;
    const asked = startedAt - random.between(1, 700) * MS_PER_DAY;
    this.#members.set(number, {
      number,
      connection,
      requestedAt: connection === "NOT CONNECTED" ? null : asked,
      realm: managed ? "APPROVED" : "NOT MANAGED",
      signedUpAt: managed ? asked : null,
      customInfo: [
        { key: "Employee ID", value: `E${100_000 + number}` },
        { key: "Department", value: random.pick(["Facilities", "Research", "Services", "Visitors"]) },
      ],
      home,
      modifiedAt: asked + random.between(0, 1) * MS_PER_DAY,
    });
  }
}

/** Finds drivers by the RFID of their cards, among those known to an organisation. */
export function driverOfRfid(state: WorldState, rfid: string): number | null {
  const connected = Math.min(state.driverCount, MOST_CONNECTED);
  for (let number = 0; number < connected; number++) {
    if (driver(state.seed, number).rfidSerialNumber === rfid) return number;
  }
  return null;
}

/** Returns the number of the driver with a user ID; null where there is none. */
export function driverOfUser(state: WorldState, userID: string): number | null {
  const number = Number(userID) - Number(driverIDs(0).userID);
  return Number.isInteger(number) && number >= 0 && number < state.people ? number : null;
}

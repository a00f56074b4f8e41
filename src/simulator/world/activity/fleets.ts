import { type Driver, driver, VEHICLES } from "../sessions/driver.ts";
import { Random } from "../sessions/random.ts";
import type { Session } from "../sessions/session.ts";
import { ORGANISATIONS, type Organisation } from "../stations/organisations.ts";
import type { WorldState } from "./state.ts";

export interface FleetCard {
  readonly serialNumber: string;
  readonly rfid: string;
}

/** Properties of a fleet vehicle when it is added, and changed later. */
export interface FleetEntry {
  fleetName: string;
  vehicleID: string | null;
  vin: string | null;
  licence: string;
  color: string | null;
  make: string;
  model: string;
  year: number;
  companyCode: string | null;
  driverID: string | null;
  cards: readonly FleetCard[];
  portMacs: readonly string[];
}

export interface FleetVehicle extends FleetEntry {
  /** `CPNID:number`. */
  readonly id: string;
  readonly organisation: Organisation;
  readonly telematics: { readonly provider: string; readonly connected: boolean } | null;
  readonly payment: FleetPayment | null;
  /** Sessions from then on belong to the fleet. */
  readonly addedAt: number;
  modifiedAt: number;
  /** Numbers of the drivers with its cards; they determine the charging. */
  cardHolders: readonly number[];
}

export interface FleetPayment {
  readonly type: string;
  readonly status: "Active" | "Expired" | "Disabled";
  readonly id: string;
  /** Last four digits. */
  readonly account: string;
}

const FIRST_VEHICLE = 7_001;
const MOST_AT_START = 90;
const MS_PER_DAY = 86_400_000;
const COLORS = ["White", "Silver", "Blue", "Red", "Black", "Green"];
const PAYMENTS = ["Voyager", "WEX", "ChargePoint Fuel Card", "Credit Card", "PayPal"];
/** Model years for which a make and model is known. */
export const FIRST_YEAR = 2011;

/** Vehicles of the fleets of all organisations. */
export class Fleets {
  readonly #state: WorldState;
  readonly #vehicles = new Map<string, FleetVehicle>();
  readonly #byHolder = new Map<number, FleetVehicle>();
  #next = FIRST_VEHICLE;

  constructor(state: WorldState) {
    this.#state = state;
    const fleets = ORGANISATIONS.flatMap((organisation) =>
      organisation.fleets.map((name) => ({ organisation, name })),
    );
    const count = Math.min(MOST_AT_START, Math.floor(state.driverCount / 20));
    for (let at = 0; at < count; at++) {
      // Not the first of the drivers, who are used for visits planned by hand.
      const { organisation, name } = fleets[at % fleets.length]!;
      this.#buy(organisation, name, 3 + 5 * at);
    }
  }

  get vehicles(): Iterable<FleetVehicle> {
    return this.#vehicles.values();
  }

  find(id: string): FleetVehicle | undefined {
    return this.#vehicles.get(id);
  }

  /** Returns the vehicle that has a card. */
  ofCard(cardHolder: number): FleetVehicle | undefined {
    return this.#byHolder.get(cardHolder);
  }

  /** Returns the vehicle of a session. */
  ofSession(session: Session): FleetVehicle | undefined {
    const vehicle = this.#byHolder.get(session.visit.driverNumber);
    return vehicle && session.startedAt >= vehicle.addedAt ? vehicle : undefined;
  }

  /** Returns the present session of a vehicle. */
  sessionOf(vehicle: FleetVehicle): Session | undefined {
    for (const holder of vehicle.cardHolders) {
      const session = this.#state.parked.get(holder);
      if (session && session.startedAt >= vehicle.addedAt) return session;
    }
    return undefined;
  }

  add(organisation: Organisation, entry: FleetEntry, cardHolders: readonly number[]): FleetVehicle {
    const { now } = this.#state;
    return this.#enter({ organisation, entry, cardHolders, addedAt: now, telematics: null, payment: null });
  }

  update(vehicle: FleetVehicle, changes: Partial<FleetEntry>, cardHolders?: readonly number[]): void {
    Object.assign(vehicle, changes, { modifiedAt: this.#state.now });
    if (cardHolders) {
      for (const holder of vehicle.cardHolders) this.#byHolder.delete(holder);
      vehicle.cardHolders = cardHolders;
      for (const holder of cardHolders) this.#byHolder.set(holder, vehicle);
    }
  }

  remove(vehicle: FleetVehicle): void {
    this.#vehicles.delete(vehicle.id);
    for (const holder of vehicle.cardHolders) this.#byHolder.delete(holder);
  }

  #buy(organisation: Organisation, fleetName: string, holder: number): void {
    const { seed } = this.#state;
    const random = new Random(seed, 0xf1ee, holder);
    const card = driver(seed, holder);
    const entry: FleetEntry = {
      fleetName,
      vehicleID: card.vehicleID,
      vin: `1VB${String(random.below(1e9)).padStart(9, "0")}${String(holder).padStart(5, "0")}`,
      licence: `${random.below(10)}VB${String(1000 + holder)}`,
      color: random.pick(COLORS),
      make: card.vehicle.make,
      model: card.vehicle.model,
      year: card.vehicleModelYear,
      companyCode: `CUST${1 + random.below(9)}`,
      driverID: card.userID,
      cards: [cardOf(card)],
      portMacs: [card.vehiclePortMAC],
    };
    this.#enter({
      organisation,
      entry,
      cardHolders: [holder],
      addedAt: this.#state.startedAt - random.between(10, 400) * MS_PER_DAY,
      telematics: random.chance(0.5) ? { provider: "FleetCarma", connected: random.chance(0.8) } : null,
      payment: {
        type: random.pick(PAYMENTS),
        status: random.chance(0.9) ? "Active" : "Expired",
        id: `FC${String(random.below(1e8)).padStart(8, "0")}`,
        account: card.creditCard,
      },
    });
  }

  #enter({
    entry,
    ...rest
  }: Pick<FleetVehicle, "organisation" | "cardHolders" | "addedAt" | "telematics" | "payment"> & {
    readonly entry: FleetEntry;
  }): FleetVehicle {
    const vehicle = { ...entry, ...rest, id: `1:${this.#next++}`, modifiedAt: rest.addedAt };
    this.#vehicles.set(vehicle.id, vehicle);
    for (const holder of vehicle.cardHolders) this.#byHolder.set(holder, vehicle);
    return vehicle;
  }
}

export function cardOf({ credentialID, rfidSerialNumber }: Driver): FleetCard {
  return { serialNumber: credentialID, rfid: rfidSerialNumber };
}

/** Returns whether a vehicle of this make, model and year is known. */
export function isVehicleType(make: string, model: string, year: number, thisYear: number): boolean {
  const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
  return (
    VEHICLES.some((vehicle) => same(vehicle.make, make) && same(vehicle.model, model)) &&
    year >= FIRST_YEAR &&
    year <= thisYear + 1
  );
}

import { Random } from "./random.ts";

export interface Vehicle {
  readonly make: string;
  readonly model: string;
  readonly batteryKwh: number;
  /** Most its onboard charger takes. */
  readonly acKw: number;
  /** Most it takes of a direct current station; absent where it has no such inlet. */
  readonly dcKw?: number;
}

const VEHICLES: readonly Vehicle[] = [
  { make: "Nissan", model: "LEAF", batteryKwh: 40, acKw: 6.6, dcKw: 50 },
  { make: "Chevrolet", model: "Bolt EV", batteryKwh: 65, acKw: 11, dcKw: 55 },
  { make: "Tesla", model: "Model 3", batteryKwh: 57.5, acKw: 11, dcKw: 170 },
  { make: "Tesla", model: "Model Y", batteryKwh: 75, acKw: 11, dcKw: 200 },
  { make: "Hyundai", model: "IONIQ 5", batteryKwh: 74, acKw: 10.9, dcKw: 200 },
  { make: "Ford", model: "Mustang Mach-E", batteryKwh: 70, acKw: 10.5, dcKw: 115 },
  { make: "Volkswagen", model: "ID.4", batteryKwh: 77, acKw: 11, dcKw: 135 },
  { make: "BMW", model: "i3", batteryKwh: 37.9, acKw: 7.4, dcKw: 49 },
  { make: "Volkswagen", model: "e-Golf", batteryKwh: 32, acKw: 7.2, dcKw: 40 },
  { make: "Toyota", model: "Prius Prime", batteryKwh: 10.9, acKw: 3.3 },
  { make: "Toyota", model: "RAV4 Prime", batteryKwh: 14.5, acKw: 6.6 },
  { make: "Chrysler", model: "Pacifica Hybrid", batteryKwh: 14, acKw: 6.6 },
  { make: "Ford", model: "Escape PHEV", batteryKwh: 11.2, acKw: 3.3 },
];

const FIRST_NAMES = [
  "Ada",
  "Bruno",
  "Carmen",
  "Dmitri",
  "Elena",
  "Femi",
  "Grace",
  "Hiro",
  "Ines",
  "Jonas",
  "Keiko",
  "Liam",
];
const LAST_NAMES = [
  "Abbott",
  "Brandt",
  "Castillo",
  "Dubois",
  "Eriksen",
  "Fischer",
  "Garcia",
  "Haddad",
  "Ivanov",
  "Jensen",
];

/** Somebody with a card and a car. */
export interface Driver {
  readonly number: number;
  readonly name: string;
  /** Not an account number. */
  readonly userID: string;
  readonly accountNumber: string;
  /** Number printed on the card. */
  readonly credentialID: string;
  readonly rfidSerialNumber: string;
  readonly vehicle: Vehicle;
  readonly vehicleModelYear: number;
  readonly vehicleID: string;
  readonly vehiclePortMAC: string;
}

/** What the driver with this number drives. */
export function vehicleOf(seed: number, number: number): Vehicle {
  return new Random(seed, 0xca2, number).pick(VEHICLES);
}

/** The driver with this number: always the same one for a seed, so that none has to be remembered. */
export function driver(seed: number, number: number): Driver {
  const random = new Random(seed, 0xd71e, number);
  const digits = (count: number): string =>
    Array.from({ length: count }, () => String(random.below(10))).join("");
  const hex = (bytes: number): string =>
    Array.from({ length: bytes }, () => random.below(256).toString(16).padStart(2, "0").toUpperCase()).join(
      "",
    );
  return {
    number,
    name: `${random.pick(FIRST_NAMES)} ${random.pick(LAST_NAMES)}`,
    userID: String(200_001 + number),
    accountNumber: `A${1_000_001 + number}`,
    credentialID: `CNCP${String(100_001 + number).padStart(10, "0")}`,
    rfidSerialNumber: `04${hex(6)}`,
    vehicle: vehicleOf(seed, number),
    vehicleModelYear: 2016 + random.below(10),
    vehicleID: `VEH${digits(8)}`,
    vehiclePortMAC: hex(6),
  };
}

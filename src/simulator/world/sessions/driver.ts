import { Random } from "./random.ts";

export interface Vehicle {
  readonly make: string;
  readonly model: string;
  readonly batteryKwh: number;
  /** Maximum power of its onboard charger. */
  readonly acKw: number;
  /** Maximum power at a direct current station; absent where it has no such inlet. */
  readonly dcKw?: number;
}

export const VEHICLES: readonly Vehicle[] = [
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

/** Properties that depend on a driver's number alone. */
export interface DriverIDs {
  readonly number: number;
  /** Not an account number. */
  readonly userID: string;
  readonly accountNumber: string;
  /** Number printed on the card. */
  readonly credentialID: string;
}

/** A driver with a card and a car. */
export interface Driver extends DriverIDs {
  readonly firstName: string;
  readonly lastName: string;
  readonly email: string;
  /** ID of the app on the phone; sessions are started with the card. */
  readonly appID: string;
  /** RFID of the card. */
  readonly rfidSerialNumber: string;
  /** Last four digits of the credit card that pays. */
  readonly creditCard: string;
  readonly vehicle: Vehicle;
  readonly vehicleModelYear: number;
  readonly vehicleID: string;
  readonly vehiclePortMAC: string;
}

const FIRST_USER = 200_001;
const FIRST_ACCOUNT = 1_000_001;
const FIRST_CARD = 100_001;

export function driverIDs(number: number): DriverIDs {
  return {
    number,
    userID: String(FIRST_USER + number),
    accountNumber: `A${FIRST_ACCOUNT + number}`,
    credentialID: `CNCP${String(FIRST_CARD + number).padStart(10, "0")}`,
  };
}

/** Returns the number of the driver who has a card; null where the text is not a card's number. */
export function driverOfCard(credentialID: string): number | null {
  const digits = /^CNCP(\d{10})$/.exec(credentialID)?.[1];
  return digits === undefined || Number(digits) < FIRST_CARD ? null : Number(digits) - FIRST_CARD;
}

/** Returns the vehicle of the driver with this number. */
export function vehicleOf(seed: number, number: number): Vehicle {
  return new Random(seed, 0xca2, number).pick(VEHICLES);
}

/** Returns the driver with this number: always the same one for a seed, so that none has to be stored. */
export function driver(seed: number, number: number): Driver {
  const random = new Random(seed, 0xd71e, number);
  const digits = (count: number): string =>
    Array.from({ length: count }, () => String(random.below(10))).join("");
  const hex = (bytes: number): string =>
    Array.from({ length: bytes }, () => random.below(256).toString(16).padStart(2, "0").toUpperCase()).join(
      "",
    );
  const firstName = random.pick(FIRST_NAMES);
  const lastName = random.pick(LAST_NAMES);
  return {
    ...driverIDs(number),
    firstName,
    lastName,
    email: `${firstName}.${lastName}.${number}@example.com`.toLowerCase(),
    appID: String(30_000_001 + number),
    rfidSerialNumber: `04${hex(6)}`,
    vehicle: vehicleOf(seed, number),
    vehicleModelYear: 2016 + random.below(10),
    vehicleID: `VEH${digits(8)}`,
    vehiclePortMAC: hex(6),
    creditCard: digits(4),
  };
}

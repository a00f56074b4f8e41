import type { Of } from "../../drivers/chargepoint/api/message.ts";
import type { addFleetVehicle } from "../../drivers/chargepoint/api/operations/add-fleet-vehicle.ts";
import { driverOfCard } from "../world/driver.ts";
import {
  cardOf,
  type FleetCard,
  type FleetEntry,
  type FleetVehicle,
  isVehicleType,
} from "../world/fleets.ts";
import { Refusal, type Scene } from "./answer.ts";

/** Reading what addFleetVehicle and updateFleetVehicle are given; refusals in the words of guide §10.1.4 and §10.3.4. */

export type VehicleIn = Of<(typeof addFleetVehicle)["request"]["vehicle"]["element"]["fields"]>;

/** @throws Refusal 171 */
export function fleetNamed({ account }: Scene, name: string): string {
  const fleet = account.organisation.fleets.find((own) => own.toLowerCase() === name.toLowerCase());
  if (fleet === undefined) throw new Refusal("171", "Fleet not found");
  return fleet;
}

/** @throws Refusal 171 */
export function checkVehicleType(
  { world }: Scene,
  { make, model, year }: Pick<FleetEntry, "make" | "model" | "year">,
): void {
  if (!isVehicleType(make, model, year, new Date(world.now).getUTCFullYear())) {
    throw new Refusal("171", "Invalid Vehicle Type");
  }
}

/** Elements that are there, but those that are checked one by one. */
export function plainTraits(vehicle: VehicleIn): Partial<FleetEntry> {
  const given = {
    vehicleID: vehicle.vehicleID,
    vin: vehicle.VIN,
    licence: vehicle.LicensePlate,
    color: vehicle.color,
    companyCode: vehicle.companyCode,
    driverID: vehicle.driverID === null ? null : String(vehicle.driverID),
    portMacs: vehicle.vehiclePortMACIDs?.vehiclePortMACID ?? null,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
}

export interface Cards {
  readonly cards: readonly FleetCard[];
  readonly holders: readonly number[];
}

/**
 * Cards for a vehicle. Each is named by its serial number or by what readers read from it; one element may carry both,
 * which must then be of the same card, in the same order.
 *
 * @throws Refusal 172 for none, 147 for a card that nobody has, or that another vehicle has
 */
export function cardsOf(
  { world }: Scene,
  group: VehicleIn["ChargePointCards"],
  vehicle: FleetVehicle | null,
  taken: ReadonlySet<number> = new Set(),
): Cards {
  const serials = group?.ChargePointCardSN ?? [];
  const rfids = group?.MIFAREID ?? [];
  const count = Math.max(serials.length, rfids.length);
  if (count === 0) throw new Refusal("172");
  const invalid = (): Refusal => new Refusal("147", "Invalid RFID card provided");
  const holders = Array.from({ length: count }, (_, index) => {
    const serial = serials[index];
    const rfid = rfids[index];
    const holder = serial === undefined ? world.driverOfRfid(rfid!) : driverOfCard(serial);
    if (holder === null || !world.hasDriver(holder)) throw invalid();
    if (rfid !== undefined && world.driver(holder).rfidSerialNumber !== rfid) throw invalid();
    const owner = world.fleets.ofCard(holder);
    if ((owner && owner !== vehicle) || taken.has(holder)) throw invalid();
    return holder;
  });
  if (new Set(holders).size < holders.length) throw invalid();
  return { holders, cards: holders.map((holder) => cardOf(world.driver(holder))) };
}

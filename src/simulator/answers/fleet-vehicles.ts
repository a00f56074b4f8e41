import type { Draft, Of } from "../../drivers/chargepoint/api/message.ts";
import type { addFleetVehicle } from "../../drivers/chargepoint/api/operations/add-fleet-vehicle.ts";
import type { deleteFleetVehicle } from "../../drivers/chargepoint/api/operations/delete-fleet-vehicle.ts";
import type { getFleetVehicles } from "../../drivers/chargepoint/api/operations/get-fleet-vehicles.ts";
import type { updateFleetVehicle } from "../../drivers/chargepoint/api/operations/update-fleet-vehicle.ts";
import {
  cardOf,
  type FleetCard,
  type FleetEntry,
  type FleetVehicle,
  isVehicleType,
} from "../world/activity/fleets.ts";
import { driverOfCard } from "../world/sessions/driver.ts";
import { type AnswerTo, Refusal, type Scene } from "./answer.ts";
import { pageOf } from "./page.ts";
import { namedOrganisation } from "./realm.ts";
import { requestTime, sameText, seconds, wireTime } from "./values.ts";

/** Guide §10.1–10.4: vehicles of fleets. */

/** Guide §10.1. All vehicles are checked before the first is added. */
export const answerAddFleetVehicle: AnswerTo<typeof addFleetVehicle> = {
  badValues: { year: "171", driverID: "171" },
  answer({ vehicle: vehicles }, scene) {
    if (vehicles.length === 0) throw new Refusal("172");
    const taken = new Set<number>();
    const entries = vehicles.map((vehicle) => {
      const entry = entryOf(scene, vehicle, taken);
      for (const holder of entry.cards.holders) taken.add(holder);
      return entry;
    });
    const { world, account } = scene;
    return {
      fleetVehicleID: entries.map(
        ({ entry, cards }) => world.fleets.add(account.organisation, entry, cards.holders).id,
      ),
    };
  },
};

function entryOf(
  scene: Scene,
  vehicle: VehicleIn,
  taken: ReadonlySet<number>,
): { entry: FleetEntry; cards: Cards } {
  const { LicensePlate: licence, fleetName, make, model, year } = vehicle;
  if (licence === null || fleetName === null || make === null || model === null || year === null) {
    throw new Refusal("172");
  }
  const fleet = fleetNamed(scene, fleetName);
  checkVehicleType(scene, { make, model, year });
  const cards = cardsOf(scene, vehicle.ChargePointCards, null, taken);
  const empty = { vehicleID: null, vin: null, color: null, companyCode: null, driverID: null, portMacs: [] };
  return {
    cards,
    entry: {
      ...empty,
      ...plainTraits(vehicle),
      licence,
      fleetName: fleet,
      make,
      model,
      year,
      cards: cards.cards,
    },
  };
}

/** Guide §10.2. */
export const answerDeleteFleetVehicle: AnswerTo<typeof deleteFleetVehicle> = {
  answer({ fleetVehicleID }, scene) {
    if (fleetVehicleID === null) throw new Refusal("172");
    scene.world.fleets.remove(ownVehicle(scene, fleetVehicleID));
    return { Results: true };
  },
};

/** Guide §10.3. All changes are checked before the first is made; omitted elements stay unchanged. */
export const answerUpdateFleetVehicle: AnswerTo<typeof updateFleetVehicle> = {
  badValues: { year: "171", driverID: "171" },
  answer({ vehicle: changes }, scene) {
    if (changes.length === 0 || changes.some(({ fleetVehicleID }) => fleetVehicleID === null)) {
      throw new Refusal("172");
    }
    const taken = new Set<number>();
    const updates = changes.map((change) => {
      const vehicle = ownVehicle(scene, change.fleetVehicleID!);
      const cards = change.ChargePointCards ? cardsOf(scene, change.ChargePointCards, vehicle, taken) : null;
      for (const holder of cards?.holders ?? []) taken.add(holder);
      const kind = {
        make: change.make ?? vehicle.make,
        model: change.model ?? vehicle.model,
        year: change.year ?? vehicle.year,
      };
      checkVehicleType(scene, kind);
      const traits: Partial<FleetEntry> = {
        ...plainTraits(change),
        ...kind,
        ...(change.fleetName === null ? {} : { fleetName: fleetNamed(scene, change.fleetName) }),
        ...(cards ? { cards: cards.cards } : {}),
      };
      return { vehicle, traits, holders: cards?.holders };
    });
    for (const { vehicle, traits, holders } of updates) scene.world.fleets.update(vehicle, traits, holders);
    const changed: FleetVehicle[] = updates.map(({ vehicle }) => vehicle);
    return { vehicle: changed.map((vehicle) => describeVehicle(scene, vehicle)) };
  },
};

const MOST = 500;
const USUAL = 100;

type Query = NonNullable<Parameters<AnswerTo<typeof getFleetVehicles>["answer"]>[0]["searchQuery"]>;

/** Guide §10.4: vehicles of the account's own organisation. */
export const answerGetFleetVehicles: AnswerTo<typeof getFleetVehicles> = {
  badValues: { modifiedSince: "141" },
  answer({ searchQuery }, scene) {
    const query = searchQuery ?? ({} as Query);
    const page = pageOf(
      matchingVehicles(scene, query),
      { startRecord: query.startRecord, size: query.numRecords },
      { most: MOST, usual: USUAL, none: "160" },
    );
    return {
      FleetVehicle: page.records.map(({ record, recordNumber }) => ({
        recordNumber,
        ...describeVehicle(scene, record),
      })),
      moreFlag: page.moreFlag,
    };
  },
};

function matchingVehicles(scene: Scene, query: Query): FleetVehicle[] {
  const organisation = namedOrganisation(scene, query) ?? scene.account.organisation;
  const modifiedSince = requestTime(query.modifiedSince);
  if (organisation !== scene.account.organisation) return [];
  return [...scene.world.fleets.vehicles].filter(
    (vehicle) =>
      vehicle.organisation === organisation &&
      sameText(query.fleetVehicleID, vehicle.id) &&
      sameText(query.fleetName, vehicle.fleetName) &&
      sameText(query.vehicleID, vehicle.vehicleID) &&
      sameText(query.VIN, vehicle.vin) &&
      sameText(query.license, vehicle.licence) &&
      sameText(query.color, vehicle.color) &&
      sameText(query.make, vehicle.make) &&
      sameText(query.model, vehicle.model) &&
      sameText(query.year, String(vehicle.year)) &&
      sameText(query.fleetDriverID, vehicle.driverID) &&
      sameText(query.companyCode, vehicle.companyCode) &&
      sameText(query.telematicsProvider, vehicle.telematics?.provider) &&
      sameText(query.telematicsStatus, telematicsStatus(vehicle)) &&
      sameText(query.paymentType, vehicle.payment?.type) &&
      sameText(query.paymentStatus, vehicle.payment?.status) &&
      (!query.credentialID ||
        vehicle.cards.some(({ serialNumber }) => serialNumber === query.credentialID)) &&
      (modifiedSince === null || seconds(vehicle.modifiedAt) >= modifiedSince),
  );
}

/** The input of addFleetVehicle and updateFleetVehicle; refusals use the texts of guide §10.1.4 and §10.3.4. */
type VehicleIn = Of<(typeof addFleetVehicle)["request"]["vehicle"]["element"]["fields"]>;

/** @throws Refusal 171 */
function fleetNamed({ account }: Scene, name: string): string {
  const fleet = account.organisation.fleets.find((own) => own.toLowerCase() === name.toLowerCase());
  if (fleet === undefined) throw new Refusal("171", "Fleet not found");
  return fleet;
}

/** @throws Refusal 171 */
function checkVehicleType(
  { world }: Scene,
  { make, model, year }: Pick<FleetEntry, "make" | "model" | "year">,
): void {
  if (!isVehicleType(make, model, year, new Date(world.now).getUTCFullYear())) {
    throw new Refusal("171", "Invalid Vehicle Type");
  }
}

/** Elements that are present, except those that are checked separately. */
function plainTraits(vehicle: VehicleIn): Partial<FleetEntry> {
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

interface Cards {
  readonly cards: readonly FleetCard[];
  readonly holders: readonly number[];
}

/**
 * Returns the cards for a vehicle. Each is named by its serial number or its RFID; an element may contain both, which must
 * then be of the same cards, in the same order.
 * @throws Refusal 172 for none, 147 for an unknown card, or one of another vehicle
 */
function cardsOf(
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

type Record = NonNullable<Draft<(typeof getFleetVehicles)["response"]>["FleetVehicle"]>[number];

/** A vehicle of the account's organisation. @throws Refusal 171 where it has none with this ID */
function ownVehicle({ world, account }: Scene, id: string): FleetVehicle {
  const vehicle = world.fleets.find(id);
  if (vehicle?.organisation !== account.organisation) {
    throw new Refusal("171", "Invalid Parameters fleetVehicleID");
  }
  return vehicle;
}

function describeVehicle(scene: Scene, vehicle: FleetVehicle): Record {
  const { telematics, payment, cards, organisation } = vehicle;
  return {
    lastModifiedTimestamp: wireTime(vehicle.modifiedAt),
    fleetVehicleID: vehicle.id,
    fleetName: vehicle.fleetName,
    vehicleID: vehicle.vehicleID,
    VIN: vehicle.vin,
    license: vehicle.licence,
    color: vehicle.color,
    make: vehicle.make,
    model: vehicle.model,
    year: String(vehicle.year),
    fleetDriverID: vehicle.driverID,
    driverID: vehicle.driverID,
    ChargePointCards: {
      ChargePointCardSN: cards.map(({ serialNumber }) => serialNumber),
      MIFAREID: cards.map(({ rfid }) => rfid),
    },
    credentialIDs: { credentialID: cards.map(({ serialNumber }) => serialNumber) },
    orgID: organisation.id,
    organizationName: organisation.name,
    telematicsProvider: telematics?.provider ?? null,
    telematicsStatus: telematicsStatus(vehicle),
    companyCode: vehicle.companyCode,
    paymentType: payment?.type ?? null,
    paymentStatus: payment?.status ?? null,
    vehicleChargingState: chargingState(scene, vehicle),
  };
}

function telematicsStatus({ telematics }: FleetVehicle): "Connected" | "Not Connected" {
  return telematics?.connected ? "Connected" : "Not Connected";
}

/** Charged: it has stopped drawing power, and is still plugged in (guide §10.4.3). */
function chargingState({ world }: Scene, vehicle: FleetVehicle): string {
  const session = world.fleets.sessionOf(vehicle);
  if (!session) return "Not Plugged In";
  const station = world.findStation(session.stationID)!;
  const port = station.ports.find(({ number }) => number === session.portNumber)!;
  if (station.unreachableSince !== null || port.fault !== null) return "Fault";
  return session.isFullAt(world.now) ? "Charged" : "Charging";
}

import type { addFleetVehicle } from "../../drivers/chargepoint/api/operations/add-fleet-vehicle.ts";
import type { FleetEntry } from "../world/fleets.ts";
import { type AnswerTo, Refusal, type Scene } from "./answer.ts";
import {
  type Cards,
  cardsOf,
  checkVehicleType,
  fleetNamed,
  plainTraits,
  type VehicleIn,
} from "./fleet-entry.ts";

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

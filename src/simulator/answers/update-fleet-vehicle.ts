import type { updateFleetVehicle } from "../../drivers/chargepoint/api/operations/update-fleet-vehicle.ts";
import type { FleetEntry, FleetVehicle } from "../world/fleets.ts";
import { type AnswerTo, Refusal } from "./answer.ts";
import { cardsOf, checkVehicleType, fleetNamed, plainTraits } from "./fleet-entry.ts";
import { describeVehicle, ownVehicle } from "./fleet-vehicle.ts";

/** Guide §10.3. All changes are checked before the first is made; what is left out stays. */
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

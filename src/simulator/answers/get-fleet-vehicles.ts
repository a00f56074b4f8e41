import type { getFleetVehicles } from "../../drivers/chargepoint/api/operations/get-fleet-vehicles.ts";
import type { FleetVehicle } from "../world/fleets.ts";
import type { AnswerTo, Scene } from "./answer.ts";
import { describeVehicle, telematicsStatus } from "./fleet-vehicle.ts";
import { pageOf } from "./page.ts";
import { namedOrganisation } from "./realm.ts";
import { requestTime, sameText, seconds } from "./values.ts";

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

import type { Draft } from "../../drivers/chargepoint/api/message.ts";
import type { getFleetVehicles } from "../../drivers/chargepoint/api/operations/get-fleet-vehicles.ts";
import type { FleetVehicle } from "../world/fleets.ts";
import { Refusal, type Scene } from "./answer.ts";
import { wireTime } from "./values.ts";

type Record = NonNullable<Draft<(typeof getFleetVehicles)["response"]>["FleetVehicle"]>[number];

/** A vehicle of the account's organisation. @throws Refusal 171 where it has none with this ID */
export function ownVehicle({ world, account }: Scene, id: string): FleetVehicle {
  const vehicle = world.fleets.find(id);
  if (vehicle?.organisation !== account.organisation) {
    throw new Refusal("171", "Invalid Parameters fleetVehicleID");
  }
  return vehicle;
}

export function describeVehicle(scene: Scene, vehicle: FleetVehicle): Record {
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

export function telematicsStatus({ telematics }: FleetVehicle): "Connected" | "Not Connected" {
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

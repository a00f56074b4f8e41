import { dateTime, type FieldOptions, group, int, list, string } from "../message.ts";

/**
 * Elements of vehicles shared by the fleet operations (guide §10.1 to §10.4). The guide's tables and samples spell some
 * elements differently: the samples' spelling is sent, either is read.
 */

export const PAYMENT_TYPES = ["Voyager", "WEX", "ChargePoint Fuel Card", "Credit Card", "PayPal"] as const;

const cards = {
  ChargePointCardSN: list(string("Serial number printed on the back of a card")),
  MIFAREID: list(string("RFID of a card, as a Mifare reader gives it")),
};
const CARDS = "Cards linked to the vehicle: a serial number or an RFID for each";

const COLOR = { also: ["Color"] };
const MAKE = { also: ["Make"] };
const MODEL = { also: ["Model"] };
const YEAR = { also: ["Year"] };

/** A vehicle to be written. `needed` applies to the elements that a new vehicle requires. */
export const vehicleIn = (needed: FieldOptions = {}) => ({
  ChargePointCards: group(cards, CARDS, needed),
  LicensePlate: string("", { ...needed, also: ["License", "license"] }),
  fleetName: string("Fleet it belongs to", { ...needed, also: ["FleetName"] }),
  vehicleID: string("The fleet manager's own identifier"),
  VIN: string("Vehicle identification number"),
  color: string("", COLOR),
  make: string("Manufacturer", { ...needed, ...MAKE }),
  model: string("", { ...needed, ...MODEL }),
  year: int("Model year", { ...needed, ...YEAR }),
  companyCode: string("Whom it is assigned to, in the fleet manager's code"),
  driverID: int("Driver of the vehicle"),
  vehiclePortMACIDs: group(
    { vehiclePortMACID: list(string("MAC address of a charge port")) },
    "One for each charge port of the vehicle",
  ),
});

/** Identification and appearance of a vehicle; searched for by getFleetVehicles and answered. */
export const vehicleTraits = {
  fleetVehicleID: string("CPNID:fleetVehicleID, globally unique"),
  fleetName: string("Fleet it belongs to", { also: ["FleetName"] }),
  vehicleID: string("The fleet manager's own identifier; two fleets may use the same"),
  VIN: string("Vehicle identification number, where the fleet manager entered it"),
  license: string("License plate", { also: ["License", "LicensePlate"] }),
  color: string("", COLOR),
  make: string("Manufacturer", MAKE),
  model: string("", MODEL),
  year: string("Model year", YEAR),
  fleetDriverID: string("Driver assigned to it"),
};

/** Ownership, telematics and payment of a vehicle; searched for and answered. */
export const vehicleKeeping = {
  orgID: string("CPNID:orgID"),
  organizationName: string(),
  telematicsProvider: string("Name of the telematics provider, where there is one"),
  telematicsStatus: string("Of the telematics integration", { values: ["Connected", "Not Connected"] }),
  companyCode: string("Whom it is assigned to, in the fleet manager's code"),
  paymentType: string("Where the money comes from", { values: PAYMENT_TYPES }),
  paymentStatus: string("Of the source of money", { values: ["Active", "Deleted", "Disabled", "Expired"] }),
};

/** A vehicle in an answer. */
export const vehicleOut = {
  recordNumber: int("Place in the whole result, from 1"),
  lastModifiedTimestamp: dateTime("Last change of its settings, telematicsStatus included", {
    also: ["lastModifiedTimeStamp"],
  }),
  ...vehicleTraits,
  driverID: string("Driver assigned to it, as updateFleetVehicle answers"),
  ChargePointCards: group(cards, CARDS),
  credentialIDs: group({ credentialID: list(string("Card serial number or other credential")) }),
  ...vehicleKeeping,
  vehicleChargingState: string("Charged: it has stopped drawing power and is still plugged in", {
    also: ["vehicleChargingStatus"],
    values: ["Charging", "Charged", "Not Plugged In", "Fault"],
  }),
};

import { dateTime, double, group, int, list, operation, result, string } from "../message.ts";
import { PAYMENT_TYPES } from "./fleet-vehicle.ts";
import { TRANSACTION_TYPES } from "./get-transaction-data.ts";

const vehicle = {
  fleetVehicleID: string("CPNID:fleetVehicleID, globally unique"),
  fleetName: string("Fleet it belongs to", { also: ["FleetName"] }),
  vehicleID: string("The fleet manager's own identifier; two fleets may use the same"),
  License: string("License plate", { also: ["license", "LicensePlate"] }),
  fleetDriverID: string("Driver assigned to it"),
  credentialID: string("Card serial number or app identifier that began the session"),
  fleetOrgID: string("CPNID:orgID of the fleet's organisation"),
  fleetOrgName: string("Name of the fleet's organisation"),
  fraudDetectionStatus: string("Where fraud detection is in use", {
    values: ["Session Validated", "Fraud Detected"],
  }),
};
const transactionType = string("Kind of transaction", { values: TRANSACTION_TYPES });
const paymentType = string("Where the money came from", { values: PAYMENT_TYPES });
const site = {
  stationOrgName: string("Organisation that owns the station"),
  stationName: string("Organisation / station"),
  Address: string("Street and number"),
  City: string(),
  State: string(),
  postalCode: string("Text: keeps leading zeros"),
  Country: string(),
};

/** Charging of the fleet's vehicles, at home and at stations of other organisations (guide §10.5). */
export const getFleetUsageData = operation({
  name: "getFleetUsageData",
  also: ["getFleetVehicleUsageData", "getFleetVehiclesUsageData"],
  doc: "Sessions and fees of the account's fleet vehicles, at stations of others too",
  restrictions: "Organisations with fleet features; 100 records a call where numRecords is not given",
  section: "10.5",
  effect: "read",
  paging: { size: 100, records: "fleetUsageData", sizeElement: "numRecords", moreElement: "moreFlag" },
  request: {
    searchQuery: group({
      transactionID: string("Unique identifier"),
      transactionType,
      ...vehicle,
      fromTimeStamp: dateTime("Begun after this moment"),
      toTimeStamp: dateTime("Ended before this moment"),
      ...site,
      paymentType,
      startRecord: int("Number of the first record wanted, from 1"),
      numRecords: int("Most records in the answer; default 100"),
    }),
  },
  response: {
    ...result,
    fleetUsageData: list(
      group({
        recordNumber: int("Place in the whole result, from 1"),
        ...vehicle,
        transactionID: string("Unique identifier"),
        transactionType,
        transactionTime: dateTime("When the station reported it"),
        Energy: double("Energy of the session, kWh"),
        gasolineSavings: double("Gasoline not burnt, US gallons, by averages"),
        ghgSavings: double("Greenhouse gases not set free, kg"),
        fleetCustomerID: string("The fleet's own customer identifier"),
        Odometer: double("Reading at the start of the session, with telematics"),
        startTime: dateTime("Start of the session"),
        endTime: dateTime("End of the session"),
        startSOC: double("State of charge at the start, %"),
        endSOC: double("State of charge at the end, %"),
        chargingTime: string("Time in which the vehicle was charging, HH:MM:SS"),
        sessionDuration: string("HH:MM:SS"),
        portType: string("Of the station", { values: ["AC", "DC"] }),
        plugType: string("Of the cable or socket", {
          values: [
            "NEMA 5-20R",
            "Type 1",
            "Type 2 Socket",
            "Type 2 Cable Attached",
            "CCS Combo Type 1",
            "CCS Combo Type 2",
            "CHAdeMO",
            "Tesla",
          ],
        }),
        Currency: string("ISO 4217"),
        Fee: double("Paid by the driver, in Currency"),
        paymentID: string("Payment card, with the ChargePoint Fuel Card service"),
        paymentSourceAccount: string("Last four digits of the payment card"),
        paymentType,
        pricingRule: string("Rule in force at the station during the session"),
        ...site,
        VIN: string("Vehicle identification number"),
        stationID: string("CPNID:StationIdentifier"),
        portNumber: string("Text: ports can be 1A"),
        ID: string("Identifier of the record; in the guide's sample only"),
      }),
    ),
    moreFlag: int("1: more records match than the page holds", { also: ["MoreFlag"] }),
  },
});

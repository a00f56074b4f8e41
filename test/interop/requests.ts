import { ChargePointClient, operations } from "../../src/drivers/chargepoint/api/index.ts";
import { type Simulator, SteppedClock, startSimulator } from "../../src/simulator/index.ts";

export type OperationName = keyof typeof operations;

export interface Network {
  readonly simulator: Simulator;
  /** One request for each operation, as plain data for any toolkit, that is answered with success: once. */
  readonly requests: Readonly<Record<OperationName, object>>;
}

/** A network in which something can be done by every operation, at one moment of a working day. */
export async function openNetwork(): Promise<Network> {
  const clock = new SteppedClock("2026-11-18T20:00:00Z");
  const simulator = await startSimulator({ stations: 60, clock, incidents: false });
  const client = new ChargePointClient(simulator);
  try {
    return { simulator, requests: await prepare(simulator, client) };
  } catch (error) {
    await simulator.close();
    throw error;
  } finally {
    await client.close();
  }
}

const DAY_MS = 86_400_000;

async function prepare({ world }: Simulator, client: ChargePointClient): Promise<Network["requests"]> {
  const moment = (days: number): string => new Date(world.now + days * DAY_MS).toISOString();
  const { stationData } = await client.call(operations.getStations, { searchQuery: {} });
  const [{ stationID, orgID, sgID: groups } = none("station")] = stationData;
  const sgID = Number(groups!.split(",")[0]);
  const { stationData: open } = await client.call(operations.getPublicStations, { searchQuery: {} });
  const [{ stationID: publicID, City } = none("public station")] = open;
  const window = { fromTimeStamp: moment(-1), toTimeStamp: moment(0) };
  const sessions = await client.call(operations.getChargingSessionData, { searchQuery: window });
  const [{ sessionID } = none("session")] = sessions.ChargingSessionData;

  const waiting = world.stations.find(
    ({ id, waitlist }) => waitlist !== null && stationData.some((own) => own.stationID === id),
  );
  const { id: waited, ports } = waiting ?? none("station with a waitlist");
  const waitedSession = ports[0]!.session ?? world.plugIn(waited, ports[0]!.number);
  world.raiseAlarm(stationID!, "Ground Fault", "1");

  const { users } = await client.call(operations.getUsers, { searchQuery: {} });
  const connected = users!.user.find(({ Connection }) => Connection?.Status === "APPROVED");
  const shedEvent = {
    stationID: stationID!,
    eventStartTime: moment(1),
    eventDuration: 30,
    allowOptOut: true,
    percentShedPerStation: 50,
  };
  const { eventId } = await client.call(operations.createLoadShedEvent, { shedEvent });

  const fleet = await client.call(operations.getFleetVehicles, { searchQuery: {} });
  const [{ fleetName, make, model, year } = none("fleet vehicle")] = fleet.FleetVehicle;
  const taken = new Set(
    [...world.fleets.vehicles].flatMap((own) => own.cards.map((card) => card.serialNumber)),
  );
  const cards = users!.user
    .flatMap((user) => user.credentialIDs?.credentialID ?? [])
    .filter((credential) => credential.startsWith("CNCP") && !taken.has(credential));
  const vehicle = (at: number) => ({
    ChargePointCards: { ChargePointCardSN: [cards[at] ?? none("card")] },
    LicensePlate: `NEW ${at}`,
    fleetName: fleetName!,
    make: make!,
    model: model!,
    year: Number(year),
  });
  const { fleetVehicleID } = await client.call(operations.addFleetVehicle, {
    vehicle: [vehicle(0), vehicle(1)],
  });

  return {
    getCPNInstances: {},
    shedLoad: { shedQuery: { shedStation: { stationID, percentShedPerStation: 30 }, timeInterval: 10 } },
    clearShedState: { shedQuery: { shedStation: { stationID } } },
    getLoad: { searchQuery: { stationID } },
    createLoadShedEvent: { shedEvent },
    removeLoadShedEvent: { eventId },
    getChargingSessionData: { searchQuery: window },
    get15minChargingSessionData: { sessionID, energyConsumedInterval: true },
    getTransactionData: { searchQuery: { numTransactions: 2 } },
    getStations: { searchQuery: { orgID, startRecord: 1, numStations: 2 } },
    getStationStatus: { searchQuery: { stationIDs: { stationID: [stationID] }, portDetails: true } },
    getStationGroups: { orgID },
    getStationGroupDetails: { sgID },
    getOrgsAndStationGroups: { searchQuery: {} },
    getStationRights: { searchQuery: { numStations: 2 } },
    getStationRightsProfile: { sgID },
    getAlarms: { searchQuery: { numTransactions: 2 } },
    clearAlarms: { searchQuery: { stationID } },
    getUsers: { searchQuery: { numUsers: 2 } },
    updateUserStatus: { userID: connected?.userID, associationType: "CONNECTION", Status: "REJECTED" },
    setWaitlistDone: {
      stationID: waited,
      portID: ports[0]!.number,
      userID: world.driverOf(waitedSession).userID,
    },
    addFleetVehicle: { vehicle: [vehicle(2)] },
    deleteFleetVehicle: { fleetVehicleID: fleetVehicleID[0] },
    updateFleetVehicle: { vehicle: [{ fleetVehicleID: fleetVehicleID[1], color: "Blue" }] },
    getFleetVehicles: { searchQuery: { numRecords: 2 } },
    getFleetUsageData: { searchQuery: { numRecords: 2 } },
    getPublicStations: { searchQuery: { City } },
    getPublicStationStatus: { searchQuery: { stationIDs: { stationID: [publicID] } } },
  };
}

function none(what: string): never {
  throw new Error(`the network has no ${what}`);
}

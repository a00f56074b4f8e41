import type { AbleType } from "../../../src/drivers/abilities.ts";
import { econnect } from "../../../src/drivers/econnect/index.ts";
import { parseRegistry } from "../../../src/registry/index.ts";
import { startEconnectSimulator } from "../../../src/simulator/econnect/simulator.ts";
import { driverContract } from "../../contracts/driver-contract.ts";

const CSV = `Volttron Point Name,Attribute Name,Register Name,Type,Writable
state,state,ChargingStationRegister,string,FALSE
city,location.city,ChargingStationRegister,string,FALSE
latitude,location.coordinates.latitude,ChargingStationRegister,float,FALSE
location,location,ChargingStationRegister,dictionary,FALSE
first,chargingPoints[0].evseId,ChargingStationRegister,string,FALSE
`;
const FAULTY = "name,name,ChargingStationRegister,string,TRUE\n";

driverContract("econnect", async () => {
  const simulator = await startEconnectSimulator({ stations: 3 });
  const { endpoint, businessPartner, username, password, stations } = simulator;
  const rows = parseRegistry(Buffer.from(CSV + FAULTY), "contract.csv").rows;
  return {
    type: econnect as AbleType,
    config: {
      endpoint,
      business_partner: businessPartner,
      username,
      password,
      station: stations[0]!.id,
      station_key: "id",
      nameplate_interval: 0,
    },
    rows: rows.slice(0, -1),
    faultyRow: rows.at(-1)!,
    readOnly: "state",
    writes: () => simulator.calls.filter(({ method }) => method !== "GET").length,
    breakPart() {
      for (const station of stations) Object.assign(station, { chargingPoints: [] });
      return ["first"];
    },
    hang: () => void simulator.trouble.begin({ effect: { kind: "hang" } }),
    close: () => simulator.close(),
  };
});

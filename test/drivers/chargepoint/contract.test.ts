import type { AbleType } from "../../../src/drivers/abilities.ts";
import { chargepoint } from "../../../src/drivers/chargepoint/index.ts";
import { parseRegistry } from "../../../src/registry/index.ts";
import { startSimulator } from "../../../src/simulator/index.ts";
import { driverContract } from "../../contracts/driver-contract.ts";

const CSV = `Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes
model,stationModel,StationRegister,,string,,,FALSE,
Status,Status,StationStatusRegister,1,string,,,FALSE,
portLoad,portLoad,LoadRegister,1,float,kW,,FALSE,
shedState,shedState,LoadRegister,1,integer,,,TRUE,
allowedLoad,allowedLoad,LoadRegister,1,float,kW,,TRUE,
`;
const FAULTY = "portLoud,portLoud,LoadRegister,1,float,kW,,FALSE,\n";

driverContract("chargepoint", async () => {
  const simulator = await startSimulator({ stations: 1, traffic: false, incidents: false });
  const stationID = simulator.stationIDs[0]!;
  const rows = parseRegistry(Buffer.from(CSV + FAULTY), "contract.csv").rows;
  const written = () => simulator.calls.filter(({ operation }) => /^(shedLoad|clear)/.test(operation));
  return {
    type: chargepoint as AbleType,
    config: {
      stationID,
      username: simulator.username,
      password: simulator.password,
      endpoint: simulator.endpoint,
      region: "NA",
      cacheExpiration: 0,
      shed_lease_minutes: 60,
      shed_mode_change: "clear_first",
    },
    rows: rows.slice(0, -1),
    faultyRow: rows.at(-1)!,
    settable: { point: "allowedLoad", value: 3.3, reverted: 0 },
    readOnly: "portLoad",
    writes: () => written().length,
    breakPart() {
      simulator.trouble.begin({ operation: "getLoad", effect: { kind: "code", code: "143" } });
      return ["portLoad", "shedState", "allowedLoad"];
    },
    hang: () => void simulator.trouble.begin({ effect: { kind: "hang" } }),
    close: () => simulator.close(),
  };
});

// Lists an account's stations, and the charging sessions of the last day with their energy.
//
// Usage: account.mts [--region NA|NA-QA|EU|EU-QA|CA] [--endpoint URL] [--hours 24]
//   CHARGEPOINT_USERNAME   API licence key
//   CHARGEPOINT_PASSWORD   API password
//
// To try it without an account: `voltbridge simulate --stations 12` prints endpoint, username and password.
import { parseArgs } from "node:util";
import { ChargePointReader, endpointFor } from "voltbridge/chargepoint";

const { values: flags } = parseArgs({
  options: {
    region: { type: "string" },
    endpoint: { type: "string" },
    hours: { type: "string", default: "24" },
  },
});
const { CHARGEPOINT_USERNAME: username, CHARGEPOINT_PASSWORD: password } = process.env;
if (!username || !password || !(Number(flags.hours) > 0)) {
  console.error("needed: CHARGEPOINT_USERNAME and CHARGEPOINT_PASSWORD, and --hours above 0");
  process.exit(2);
}

// A reader has no method that could change anything.
const account = new ChargePointReader({ endpoint: endpointFor(flags), username, password });
try {
  let stations = 0;
  for await (const station of account.stations()) {
    stations++;
    const power = station.Port.map(({ portNumber, Power }) => `${portNumber}: ${Power ?? "?"} kW`).join(", ");
    const name = station.stationName ?? station.Port[0]?.stationName ?? "";
    console.log(`${station.stationID}  ${name}  ${station.City ?? ""}  (${power})`);
  }

  const since = new Date(Date.now() - Number(flags.hours) * 3_600_000);
  const fromTimeStamp = since.toISOString().replace(/\.\d+Z$/, "Z");
  let sessions = 0;
  let energyKwh = 0;
  for await (const session of account.chargingSessions({ fromTimeStamp })) {
    sessions++;
    energyKwh += session.Energy ?? 0;
    const { stationID, portNumber, startTime, endTime, Energy } = session;
    console.log(
      `${startTime}  ${stationID} port ${portNumber}  ${Energy ?? "?"} kWh  until ${endTime ?? "now"}`,
    );
  }
  console.log(
    `${stations} stations, ${sessions} sessions since ${fromTimeStamp}, ${energyKwh.toFixed(1)} kWh`,
  );
} catch (error) {
  // Every error of the client names the operation, what went wrong and, where there is one, the remedy.
  console.error((error as Error).message);
  process.exitCode = 1;
} finally {
  await account.close();
}

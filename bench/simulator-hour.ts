/**
 * Prints the hour of docs/simulator.md: a station of a simulated garage that is shed as in the guide's own example
 * (§5.1), as seen over the web services. Run by hand: `node bench/simulator-hour.ts`; it always prints the same.
 */
import { SteppedClock, startSimulator } from "../src/simulator/index.ts";
import { hourAtAGarage } from "../test/simulator/hour.ts";

const KW_PER_MARK = 0.5;

const clock = new SteppedClock("2026-11-18T17:00:00Z");
const simulator = await startSimulator({ stations: 6, seed: 1, clock });
try {
  console.log(" min  station kW                        shed  energy kWh  garage kW  in use  action");
  for await (const row of hourAtAGarage(simulator, clock)) {
    const bar = "█".repeat(Math.round(row.stationLoad / KW_PER_MARK));
    console.log(
      [
        String(row.minute).padStart(4),
        `  ${row.stationLoad.toFixed(1).padStart(4)} ${bar.padEnd(27)}`,
        `${row.percentShed} %`.padStart(6),
        row.energy.toFixed(3).padStart(12),
        row.garageLoad.toFixed(1).padStart(11),
        String(row.portsInUse).padStart(8),
        row.action ? `  ${row.action}` : "",
      ].join(""),
    );
  }
} finally {
  await simulator.close();
}

/**
 * The site limit controller over a simulated day: a garage of 20 ports whose vehicles ask for 140 kW is held at 60 kW.
 * Prints what is in docs/limits.md, and with --svg writes the picture. Real HTTP, the bridge's own devices, leases and
 * controller; only the time is our own, so that the day takes a few minutes.
 *
 * Run: node bench/limit-day.ts [--svg day.svg] [--log day.log]
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { takeTime } from "./limit-day/virtual-time.ts";

const time = takeTime(Date.UTC(2026, 10, 18, 6));
const { runDay } = await import("./limit-day/run.ts");
const { visitsOf } = await import("./limit-day/visits.ts");
const { picture } = await import("./limit-day/picture.ts");

const PORTS = 20;
const LIMIT_KW = 60;
const { values: flags } = parseArgs({ options: { svg: { type: "string" }, log: { type: "string" } } });

const visits = visitsOf(PORTS, 7);
const controlled = await runDay(time, visits, PORTS, LIMIT_KW);
const free = await runDay(time, visits, PORTS, undefined);
const peak = (day: typeof free) => day.loads.reduce((most, [, kw]) => Math.max(most, kw), 0);
const total = (day: typeof free) => [...day.energy.values()].reduce((sum, kwh) => sum + kwh, 0);

console.log(`without control: at most ${peak(free).toFixed(1)} kW, ${total(free).toFixed(0)} kWh`);
console.log(
  `limit ${LIMIT_KW} kW: at most ${peak(controlled).toFixed(2)} kW, ${total(controlled).toFixed(0)} kWh`,
);
const by = new Map<string, number>();
for (const { via, action, status } of controlled.writes) {
  const kind = `${via} ${action} ${status}`;
  by.set(kind, (by.get(kind) ?? 0) + 1);
}
console.log("writes:", Object.fromEntries(by));
console.log("calls:", Object.fromEntries(controlled.calls));
/** The load at each full minute. */
const minutes = (day: typeof free) => new Map(day.loads.map(([ms, kw]) => [Math.ceil(ms / 60_000), kw]));
const now = minutes(controlled);
const busy = [...minutes(free)].filter(([, kw]) => kw > LIMIT_KW).map(([minute]) => now.get(minute) ?? 0);
console.log(
  "use of the limit while the demand without control is above it:",
  `${((100 * busy.reduce((sum, kw) => sum + kw, 0)) / (busy.length * LIMIT_KW)).toFixed(1)} %`,
);
console.log("| vehicle | port | there | asks for | without control | at 60 kW | share |");
console.log("| --- | --- | --- | --- | --- | --- | --- |");
const clock = (minute: number) =>
  `${String(Math.floor(minute / 60) % 24).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
for (const { vehicle, port, from, until, needKwh } of visits) {
  const without = free.energy.get(vehicle)!;
  const got = controlled.energy.get(vehicle)!;
  console.log(
    `| ${vehicle} | ${port + 1} | ${clock(from)}–${clock(until)} | ${needKwh} kWh | ${without.toFixed(1)} kWh | ${got.toFixed(1)} kWh | ${((100 * got) / without).toFixed(0)} % |`,
  );
}
if (flags.svg) writeFileSync(flags.svg, picture(free.loads, controlled.loads, LIMIT_KW));
if (flags.log) writeFileSync(flags.log, controlled.lines.join(""));
process.exit(0);

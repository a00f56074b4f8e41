import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Bridge } from "../../bridge.ts";
import { type BridgeSettings, shortPath } from "../../config/index.ts";
import type { DeviceState } from "../../devices/index.ts";
import type { PointValue } from "../../points/index.ts";
import type { Simulator } from "../../simulator/index.ts";
import { counted, formatTable, formatValue } from "../terminal/table.ts";

export interface DemoParts {
  readonly bridge: Bridge;
  readonly simulator: Simulator;
  readonly settings: BridgeSettings;
}

const STARTER = fileURLToPath(new URL("../../../bin/voltbridge", import.meta.url));

export function whatWasStarted({ bridge, simulator, settings }: DemoParts): string {
  const { infos } = bridge.devices;
  return [
    "voltbridge demo, all on this machine:",
    `  simulator   ${simulator.endpoint}  (${counted(simulator.stationIDs.length, "station")}; simulates ChargePoint)`,
    `  broker      ${bridge.mqtt.url}  (inside the bridge)`,
    `  bridge      ${counted(infos.length, "device")}, read every ${infos[0]?.intervalSeconds} s`,
    `  history     ${shown(settings.data)}`,
    "",
  ].join("\n");
}

/** Returns the commands to try from another terminal, for the port that draws the most. */
export function commandsToTry(
  { bridge, simulator, settings }: DemoParts,
  states: readonly DeviceState[],
): string {
  const { device, port, load } = busiestPort(states);
  const url = bridge.mqtt.url;
  const limit = Math.max(1, Math.round(load / 2));
  const starter = quoted(relative(process.cwd(), STARTER).replace(/^(?![./])/, "./"));
  const config = ` --config ${quoted(shown(settings.file))}`;
  const data = ` --data ${quoted(shown(settings.data))}`;
  const env = `CHARGEPOINT_ENDPOINT=${simulator.endpoint} CHARGEPOINT_USERNAME=${simulator.username} CHARGEPOINT_PASSWORD=${simulator.password}`;
  return `
From another terminal, in this folder:
  watch     ${starter} watch --url ${url}
  limit     ${starter} set ${device}/allowedLoad_${port} ${limit} --url ${url}
  clear     ${starter} revert ${device}/allowedLoad_${port} --url ${url}
  read      ${starter} get ${device}/portLoad_${port} --url ${url}
  history   ${starter} history query ${device}/portLoad_${port} --start 'now -10m'${data}${config}
  bridge    ${starter} status --url ${url}
  no bridge ${env} ${starter} scrape ${device}${config}
Ctrl-C stops everything. Data is kept in ${shown(settings.data)}.
`;
}

/** Returns a line for each port, the most important columns first: a narrow screen shows the left part. */
export function stationTable(states: readonly DeviceState[]): string {
  return formatTable(
    ["device", "port", "status", "load kW", "limit kW", "is", "read (UTC)", "station"],
    states.flatMap(stationRows),
  );
}

function stationRows({ device, availability, reason, observedAt, values }: DeviceState): string[][] {
  const value = (point: string) => values.get(point)?.value;
  if (!observedAt) return [[device.path, "", "", "", "", availability, "", reason ?? ""]];
  const ports = portsOf(device).filter((port) => values.has(`Status_${port}`));
  const readAt = observedAt.toISOString().slice(11, 19);
  return ports.map((port, index) => [
    index === 0 ? device.path : "",
    port,
    formatValue(value(`Status_${port}`)),
    kilowatts(value(`portLoad_${port}`)),
    value(`shedState_${port}`) === 1 ? kilowatts(value(`allowedLoad_${port}`)) : "–",
    ...(index === 0 ? [availability, readAt, reason ?? formatValue(value("stationName"))] : ["", "", ""]),
  ]);
}

/** Returns the ports, by the point names of the shipped registries: `Status_1`, `Status_2`. */
function portsOf(device: DeviceState["device"]): string[] {
  return [...device.points.keys()].flatMap((name) => /^Status_(.+)$/.exec(name)?.[1] ?? []);
}

function busiestPort(states: readonly DeviceState[]): { device: string; port: string; load: number } {
  const ports = states.flatMap(({ device, values }) =>
    portsOf(device).map((port) => {
      const load = Number(values.get(`portLoad_${port}`)?.value ?? 0);
      return { device: device.path, port, load };
    }),
  );
  return ports.reduce((busiest, port) => (port.load > busiest.load ? port : busiest));
}

function kilowatts(value: PointValue | undefined): string {
  return typeof value === "number" ? value.toFixed(2) : formatValue(value);
}

/** Returns a path relative to the working directory, when it is below. */
function shown(path: string): string {
  return shortPath(path, process.cwd()) || ".";
}

/** Quotes a word for a shell's command line. */
function quoted(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

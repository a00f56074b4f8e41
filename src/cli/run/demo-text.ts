import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Bridge } from "../../bridge.ts";
import { type BridgeSettings, shortPath } from "../../config/index.ts";
import type { DeviceState } from "../../devices/index.ts";
import { type PointValue, portsOf } from "../../points/index.ts";
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
    bridge.web?.url === undefined ? "The page cannot be opened." : `Open the page: ${bridge.web.url}`,
    "",
  ].join("\n");
}

/** Returns the commands to try from another terminal, for the port that draws the most. */
export function commandsToTry(
  { bridge, simulator, settings }: DemoParts,
  states: readonly DeviceState[],
): string {
  const { device, loadPoint, limitPoint, load } = busiestPort(states);
  const url = bridge.mqtt.url;
  const limit = Math.max(1, Math.round(load / 2));
  const starter = quoted(relative(process.cwd(), STARTER).replace(/^(?![./])/, "./"));
  const config = ` --config ${quoted(shown(settings.file))}`;
  const data = ` --data ${quoted(shown(settings.data))}`;
  const env = `CHARGEPOINT_ENDPOINT=${simulator.endpoint} CHARGEPOINT_USERNAME=${simulator.username} CHARGEPOINT_PASSWORD=${simulator.password}`;
  return `
From another terminal, in this folder:
  watch     ${starter} watch --url ${url}
  limit     ${starter} set ${device}/${limitPoint} ${limit} --url ${url}
  clear     ${starter} revert ${device}/${limitPoint} --url ${url}
  read      ${starter} get ${device}/${loadPoint} --url ${url}
  history   ${starter} history query ${device}/${loadPoint} --start 'now -10m'${data}${config}
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
  const value = (point: string | undefined) => (point === undefined ? undefined : values.get(point)?.value);
  if (!observedAt) return [[device.path, "", "", "", "", availability, "", reason ?? ""]];
  const { station, ports } = portsOf(device.points);
  const readAt = observedAt.toISOString().slice(11, 19);
  return ports
    .filter(({ state }) => state !== undefined && values.has(state))
    .map(({ port, state, load, limit, limited }, index) => [
      index === 0 ? device.path : "",
      port!,
      formatValue(value(state)),
      kilowatts(value(load)),
      value(limited) === 1 ? kilowatts(value(limit)) : "–",
      ...(index === 0 ? [availability, readAt, reason ?? formatValue(value(station.name))] : ["", "", ""]),
    ]);
}

interface BusyPort {
  readonly device: string;
  readonly loadPoint: string;
  readonly limitPoint: string;
  readonly load: number;
}

function busiestPort(states: readonly DeviceState[]): BusyPort {
  const ports = states.flatMap(({ device, values }) =>
    portsOf(device.points).ports.map(({ load: loadPoint = "", limit: limitPoint = "" }): BusyPort => {
      const load = Number(values.get(loadPoint)?.value ?? 0);
      return { device: device.path, loadPoint, limitPoint, load };
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

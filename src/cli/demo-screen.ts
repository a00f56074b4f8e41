import { relative } from "node:path";
import type { Bridge } from "../bridge.ts";
import type { BridgeSettings } from "../config/index.ts";
import type { DeviceState } from "../devices/index.ts";
import type { PointValue } from "../points/index.ts";
import type { Simulator } from "../simulator/index.ts";
import { formatTable, formatValue } from "./table.ts";
import type { Terminal } from "./terminal.ts";

export interface DemoParts {
  readonly bridge: Bridge;
  readonly simulator: Simulator;
  readonly settings: BridgeSettings;
  /** `--data` as it was given, for the commands that are printed. */
  readonly dataFlag: string | undefined;
}

/** Where nothing can be drawn over, the table is printed anew so often. */
const PRINT_EVERY_MS = 60_000;
/** A round of scrapes is drawn once. */
const SETTLE_MS = 300;

/** What the demo shows: what was started, the commands to try, and a table of the stations that keeps itself up to date. */
export class DemoScreen {
  readonly #terminal: Terminal;
  #parts: DemoParts | undefined;
  #drawnLines = 0;
  #timer: NodeJS.Timeout | undefined;
  #printedAt = Number.NEGATIVE_INFINITY;
  #unsubscribe: (() => void)[] = [];
  #introduced = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  show(parts: DemoParts): void {
    this.#parts = parts;
    const { bus } = parts.bridge;
    const changed = () => {
      this.#timer ??= setTimeout(() => this.#draw(), SETTLE_MS);
    };
    this.#unsubscribe = [bus.on("scrape", changed), bus.on("availability", changed)];
    this.#terminal.out(started(parts));
  }

  /** A line of the log, above the table. */
  note(line: string): void {
    this.#erase();
    this.#terminal.err(line);
    if (this.#introduced && this.#terminal.interactive) this.#draw();
  }

  end(text: string): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    clearTimeout(this.#timer);
    this.#drawnLines = 0;
    this.#terminal.out(`\n${text}\n`);
  }

  #draw(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const parts = this.#parts;
    if (!parts) return;
    const states = parts.bridge.devices.latest.all();
    // The commands are to name a port that charges, so they wait for the first reading of every station.
    if (!states.every((state) => state.observedAt || state.availability === "offline")) return;
    if (!this.#introduced) {
      this.#introduced = true;
      this.#terminal.out(commands(parts, states));
    }
    const now = performance.now();
    if (!this.#terminal.interactive && now - this.#printedAt < PRINT_EVERY_MS) return;
    this.#printedAt = now;
    this.#erase();
    const text = this.#fitted(`\n${table(states)}`);
    this.#drawnLines = this.#terminal.interactive ? text.split("\n").length - 1 : 0;
    this.#terminal.out(text);
  }

  /** A line that breaks would make the table taller than it is thought to be. */
  #fitted(text: string): string {
    const { interactive, columns } = this.#terminal;
    return interactive ? text.replace(/[^\n]+/g, (line) => line.slice(0, columns)) : text;
  }

  #erase(): void {
    if (this.#drawnLines > 0) this.#terminal.out(`\u001b[${this.#drawnLines}A\u001b[0J`);
    this.#drawnLines = 0;
  }
}

function started({ bridge, simulator, settings }: DemoParts): string {
  return [
    "voltbridge demo, all on this machine:",
    `  simulator   ${simulator.endpoint}  (${simulator.stationIDs.length} stations; it stands in for ChargePoint)`,
    `  broker      ${bridge.mqtt.url}  (inside the bridge)`,
    `  bridge      ${bridge.devices.infos.length} devices, read every ${bridge.devices.infos[0]?.intervalSeconds} s`,
    `  history     ${shortPath(settings.data)}`,
    "",
  ].join("\n");
}

/** The commands to try from another terminal, at the port that draws the most. */
function commands(
  { bridge, simulator, settings, dataFlag }: DemoParts,
  states: readonly DeviceState[],
): string {
  const { device, port, load } = busiestPort(states);
  const url = bridge.mqtt.url;
  const { hostname, port: brokerPort } = new URL(url);
  const limit = Math.max(1, Math.round(load / 2));
  const data = dataFlag === undefined ? "" : ` --data ${dataFlag}`;
  const place = device.replace(/[^/]+$/, "+");
  const env = `CHARGEPOINT_ENDPOINT=${simulator.endpoint} CHARGEPOINT_USERNAME=${simulator.username} CHARGEPOINT_PASSWORD=${simulator.password}`;
  return `
From another terminal, in this folder:
  watch     mosquitto_sub -h ${hostname} -p ${brokerPort} -v -t 'devices/${place}/all'
  limit     ./bin/voltbridge set ${device}/allowedLoad_${port} ${limit} --url ${url}
  clear     ./bin/voltbridge revert ${device}/allowedLoad_${port} --url ${url}
  read      ./bin/voltbridge get ${device}/portLoad_${port} --url ${url}
  history   ./bin/voltbridge history query ${device}/portLoad_${port} --start 'now -10m'${data}
  bridge    ./bin/voltbridge status --url ${url}
  no bridge ${env} ./bin/voltbridge scrape ${device}
Ctrl-C stops everything. Data stay in ${shortPath(settings.data)}.
`;
}

function busiestPort(states: readonly DeviceState[]): { device: string; port: string; load: number } {
  const ports = states.flatMap(({ device, values }) =>
    ["1", "2"].map((port) => ({
      device: device.path,
      port,
      load: Number(values.get(`portLoad_${port}`)?.value ?? 0),
    })),
  );
  return ports.reduce((busiest, port) => (port.load > busiest.load ? port : busiest));
}

function table(states: readonly DeviceState[]): string {
  const rows = states.flatMap(({ device, availability, reason, observedAt, values }) => {
    const of = (point: string) => formatValue(values.get(point)?.value);
    if (!observedAt) return [[device.path, availability, "", "", "", "", "", reason ?? ""]];
    const ports = ["1", "2"].filter(
      (port) => device.points.has(`Status_${port}`) && values.has(`Status_${port}`),
    );
    return ports.map((port, index) => [
      index === 0 ? device.path : "",
      index === 0 ? availability : "",
      index === 0 ? of("stationName") : "",
      port,
      of(`Status_${port}`),
      kilowatts(values.get(`portLoad_${port}`)?.value),
      values.get(`shedState_${port}`)?.value === 1
        ? kilowatts(values.get(`allowedLoad_${port}`)?.value)
        : "–",
      index === 0 ? observedAt.toISOString().slice(11, 19) : "",
    ]);
  });
  return formatTable(
    ["device", "is", "station", "port", "status", "load kW", "limit kW", "read at (UTC)"],
    rows,
  );
}

function kilowatts(value: PointValue | undefined): string {
  return typeof value === "number" ? value.toFixed(2) : formatValue(value);
}

/** How a file is named from where the user stands. */
function shortPath(path: string): string {
  const short = relative(process.cwd(), path);
  if (short === "") return ".";
  return short.startsWith("..") ? path : short;
}

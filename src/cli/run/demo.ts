import { once } from "node:events";
import { createServer } from "node:net";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { type Bridge, startBridge } from "../../bridge.ts";
import type { BridgeSettings } from "../../config/index.ts";
import { DataFolderInUseError, type LoadedDevice } from "../../devices/index.ts";
import { type Log, Secrets } from "../../log/log.ts";
import { type Simulator, startSimulator } from "../../simulator/index.ts";
import { printDiagnostics } from "../setup/diagnostics.ts";
import { loadAll } from "../setup/load.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { logOptions, numberOption } from "../terminal/options.ts";
import { type LogFlags, type Terminal, terminalLog } from "../terminal/terminal.ts";
import { packageVersion } from "../terminal/version.ts";
import { DemoScreen } from "./demo-screen.ts";

interface Flags extends LogFlags {
  readonly stations: number;
  readonly data: string;
}

const HOST = "127.0.0.1";
/** Folder for the data, in the working folder: not one of a real bridge, and removed with the folder where the demo was tried. */
const DATA = "voltbridge-demo";
const SIMULATOR_PORT = 8090;
const MOST_STATIONS = 500;
const PARENT_EVERY_MS = 1000;

export function demo(program: Command, terminal: Terminal): void {
  const command = program
    .command("demo")
    .description(
      "Run simulator, embedded broker and bridge on loopback, with configs of its own; it reads no config of the working folder.",
    )
    .option(
      "--stations <number>",
      "number of stations in the garage",
      numberOption({ min: 1, max: MOST_STATIONS }),
      6,
    )
    .option("--data <folder>", "data folder, the only one that is written to, kept from demo to demo", DATA);
  logOptions(command, "warn").action((flags: Flags) => runDemo(flags, terminal));
}

async function runDemo(flags: Flags, terminal: Terminal): Promise<void> {
  const secrets = new Secrets();
  const screen = new DemoScreen(terminal);
  const log = terminalLog({ ...terminal, err: (line) => screen.note(line) }, flags, secrets);

  const simulator = await startSimulator({
    port: await freePort(SIMULATOR_PORT),
    // At least the stations named in the configs.
    stations: Math.max(flags.stations, 6),
    log,
  });
  let bridge: Bridge | undefined;
  try {
    const { settings, devices } = await configure(flags, simulator, secrets, terminal);
    bridge = await start(settings, devices, log, secrets, terminal);
    screen.show({ bridge, simulator, settings });
    const ending = AbortSignal.any([terminal.ending, leftByNpm(terminal)]);
    if (!ending.aborted) await once(ending, "abort");
    screen.end("stopping …");
  } finally {
    await bridge?.stop();
    await simulator.close();
  }
  terminal.out("stopped\n");
}

async function start(
  settings: BridgeSettings,
  devices: readonly LoadedDevice[],
  log: Log,
  secrets: Secrets,
  terminal: Terminal,
): Promise<Bridge> {
  const onDiagnostics = (found: Parameters<typeof printDiagnostics>[1]) =>
    printDiagnostics(terminal, found, false);
  try {
    const parts = { settings, devices, log, secrets, version: packageVersion(), onDiagnostics };
    return await startBridge({ ...parts, guestRole: "operate" });
  } catch (error) {
    const remedy =
      error instanceof DataFolderInUseError ? "; a second demo needs its own --data <folder>" : "";
    const message = `the demo cannot start: ${(error as Error).message}${remedy}`;
    throw new CommandError(message, EXIT.configuration, { cause: error });
  }
}

/** Loads the shipped files with the simulator as their service, on free ports. */
async function configure(
  flags: Flags,
  simulator: Simulator,
  secrets: Secrets,
  terminal: Terminal,
): Promise<{ settings: BridgeSettings; devices: LoadedDevice[] }> {
  const env = {
    ...terminal.env,
    CHARGEPOINT_ENDPOINT: simulator.endpoint,
    CHARGEPOINT_USERNAME: simulator.username,
    CHARGEPOINT_PASSWORD: simulator.password,
  };
  const config = fileURLToPath(new URL("../../../examples/demo/bridge.json", import.meta.url));
  const { settings, devices, diagnostics } = await loadAll({ config, secrets, env });
  printDiagnostics(terminal, diagnostics, false);
  const wanted = settings.mqtt.embedded ?? { host: HOST, port: 1883 };
  const embedded = { ...wanted, port: await freePort(wanted.port) };
  const web = { ...settings.web, port: await freePort(settings.web.port) };
  return {
    settings: { ...settings, data: resolve(flags.data), mqtt: { ...settings.mqtt, embedded }, web },
    devices: garage(devices, flags.stations, simulator),
  };
}

/** Returns `count` devices: the configured ones first, then copies of the last one for further stations. */
function garage(configured: readonly LoadedDevice[], count: number, simulator: Simulator): LoadedDevice[] {
  const last = configured.at(-1);
  if (!last) throw new CommandError("examples/demo/devices has no valid device config", EXIT.configuration);
  const taken = new Set(
    configured.map(({ settings }) => (settings.driverConfig as { stationID: string }).stationID),
  );
  const more = simulator.stationIDs.filter((id) => !taken.has(id));
  const place = last.settings.path.replace(/[^/]*$/, "");
  const rowsOf = rowsByPorts(last.rows, simulator);
  const copies = more.map((stationID, index) => ({
    rows: rowsOf(stationID),
    settings: {
      ...last.settings,
      path: `${place}station-${configured.length + index + 1}`,
      driverConfig: { ...(last.settings.driverConfig as object), stationID },
    },
  }));
  return [...configured, ...copies].slice(0, count);
}

/** Adapts the rows of a two-port station to stations with other ports; stations with the same ports share one list. */
function rowsByPorts(rows: LoadedDevice["rows"], simulator: Simulator) {
  const numbersOf = new Map(
    simulator.world.stations.map(({ id, ports }) => [id, ports.map(({ number }) => number)]),
  );
  const known = new Map<string, LoadedDevice["rows"]>([["1,2", rows]]);
  return (stationID: string): LoadedDevice["rows"] => {
    const numbers = numbersOf.get(stationID) ?? [];
    const key = numbers.join();
    const found =
      known.get(key) ??
      rows.flatMap((row) => {
        if (row.port === undefined) return [row];
        const port = numbers[Number(row.port) - 1];
        return port === undefined ? [] : [atPort(row, port)];
      });
    known.set(key, found);
    return found;
  };
}

/** Returns a row at another port. Its file and line are computed by the row, so that a spread would lose them. */
function atPort(row: LoadedDevice["rows"][number], port: string): LoadedDevice["rows"][number] {
  const { point, attribute, register, file, line } = row;
  return { point, attribute, register, port, file, line, fault: (header, fault) => row.fault(header, fault) };
}

/** Returns the usual port, or 0 (any free one) when it is taken. */
async function freePort(usual: number): Promise<number> {
  const server = createServer();
  const listens = await new Promise<boolean>((done) => {
    server.once("error", () => done(false));
    server.listen(usual, HOST, () => done(true));
  });
  if (listens) await new Promise((done) => server.close(done));
  return listens ? usual : 0;
}

/**
 * Returns a signal that is aborted when the npm that started the demo has ended. npm does not forward the signal that ends it, so
 * the demo would keep running and keep its ports. Never aborted when the demo was not started by npm.
 */
function leftByNpm({ env }: Pick<Terminal, "env">): AbortSignal {
  const left = new AbortController();
  if (env.npm_lifecycle_event === undefined) return left.signal;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    left.abort(new Error("npm has ended"));
  }, PARENT_EVERY_MS);
  watch.unref();
  return left.signal;
}

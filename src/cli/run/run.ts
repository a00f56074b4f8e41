/** Commands that keep running: they load the settings, start a process of the bridge, and stop it on Ctrl-C or TERM. */

import type { Command } from "commander";
import { type Bridge, startBridge } from "../../bridge.ts";
import { type Diagnostic, strict } from "../../config/index.ts";
import type { Log } from "../../log/log.ts";
import { BridgeFiles } from "../../reload/bridge-files.ts";
import { countErrors, printDiagnostics } from "../setup/diagnostics.ts";
import { loadFirst } from "../setup/load.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { logOptions } from "../terminal/options.ts";
import { counted } from "../terminal/table.ts";
import { type LogFlags, type Terminal, terminalLog } from "../terminal/terminal.ts";
import { packageVersion } from "../terminal/version.ts";
import { serve, startError } from "./service.ts";
import { expectShortLives } from "./short-lived.ts";

interface Flags extends LogFlags {
  readonly config?: string;
  readonly strict?: true;
  readonly readOnly?: true;
  readonly force?: true;
}

export function run(program: Command, terminal: Terminal): void {
  const command = program
    .command("run")
    .description("Run the bridge until Ctrl-C or TERM.")
    .option("--config <file>", "bridge config (default: configs/bridge.json)")
    .option("--strict", "refuse to start when a file has a warning")
    .option("--read-only", "write to no device, regardless of the bridge config")
    .option("--force", "take over from a running bridge with the same instance name");
  logOptions(command, "info").action((flags: Flags) => runBridge(flags, terminal));
}

async function runBridge(flags: Flags, terminal: Terminal): Promise<void> {
  const log = terminalLog(terminal, flags, terminal.secrets);
  await serve(terminal, log, () => start(flags, terminal, log));
}

async function start(flags: Flags, terminal: Terminal, log: Log): Promise<Bridge> {
  const started = Promise.withResolvers<Bridge>();
  terminal.onHangUp?.(() => void started.promise.then(({ reloader }) => reloader?.filesChanged()));
  expectShortLives();
  const { secrets, ending } = terminal;
  const isStrict = flags.strict ?? false;
  const files = new BridgeFiles({ config: flags.config, secrets, env: terminal.env });
  const loaded = await loadFirst(files);
  ending.throwIfAborted();
  const { settings, devices, diagnostics } = loaded;
  let errors = 0;
  const print = (found: readonly Diagnostic[]) => {
    printDiagnostics(terminal, isStrict ? strict(found) : found, isStrict);
    errors += countErrors(found);
  };
  print(diagnostics);

  const bridge = await startBridge({
    settings: flags.readOnly ? { ...settings, readOnly: true } : settings,
    devices,
    files: { loaded, load: () => files.load() },
    log,
    secrets,
    version: packageVersion(),
    force: flags.force ?? false,
    signal: ending,
    onDiagnostics: (found, runnable) => {
      print(found);
      if (runnable === 0 && !devices.some(({ settings: device }) => device.set))
        throw new CommandError(
          `no device can be started; fix the problems above, or add a device config to ${settings.devices}`,
          EXIT.configuration,
        );
    },
  }).catch((error: unknown) => {
    if (error instanceof CommandError || ending.aborted) throw error;
    throw startError("the bridge", error);
  });
  if (errors > 0)
    log.warn(
      `started without the devices and rows that have errors: ${counted(errors, "problem")} above; "voltbridge check" lists them again`,
    );
  started.resolve(bridge);
  log.info("running", { devices: bridge.devices.infos.length, broker: bridge.mqtt.url, data: settings.data });
  return bridge;
}

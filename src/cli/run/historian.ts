import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { type HistorianProcess, startHistorianProcess } from "../../historian-process.ts";
import type { Log } from "../../log/log.ts";
import { printDiagnostics } from "../setup/diagnostics.ts";
import { loadSettings } from "../setup/load.ts";
import { logOptions } from "../terminal/options.ts";
import { type LogFlags, type Terminal, terminalLog } from "../terminal/terminal.ts";
import { packageVersion } from "../terminal/version.ts";
import { serve, startError } from "./service.ts";

interface Flags extends LogFlags {
  readonly config?: string;
  readonly name: string;
  readonly clientId?: string;
  readonly share?: string;
}

export function historian(program: Command, terminal: Terminal): void {
  const command = program
    .command("historian")
    .description("Store the messages of a broker, until Ctrl-C or TERM. Requires no devices.")
    .option("--config <file>", "bridge config (default: configs/bridge.json)")
    .option(
      "--name <name>",
      "name in its topics and of its folder in the data folder",
      nameOption,
      "historian",
    )
    .option("--client-id <id>", "MQTT client id, which names its session (default: <instance>-<name>)")
    .option("--share <group>", "share the messages with the other historians of this group", nameOption);
  logOptions(command, "info").action((flags: Flags) => runHistorian(flags, terminal));
}

/** Parses a name that is one topic level and one folder. */
function nameOption(text: string): string {
  if (/^[A-Za-z\d][\w.-]{0,63}$/.test(text)) return text;
  throw new InvalidArgumentError("expected up to 64 letters, digits, dots, dashes and underscores");
}

async function runHistorian(flags: Flags, terminal: Terminal): Promise<void> {
  const log = terminalLog(terminal, flags, terminal.secrets);
  await serve(terminal, log, () => start(flags, terminal, log));
}

async function start(flags: Flags, terminal: Terminal, log: Log): Promise<HistorianProcess> {
  const { secrets } = terminal;
  const { settings, diagnostics } = loadSettings({ config: flags.config, secrets, env: terminal.env });
  printDiagnostics(terminal, diagnostics, false);
  const running = await startHistorianProcess({
    settings,
    name: flags.name,
    ...(flags.clientId !== undefined && { clientId: flags.clientId }),
    ...(flags.share !== undefined && { share: flags.share }),
    log,
    secrets,
    version: packageVersion(),
  }).catch((error: unknown) => {
    throw startError("the historian", error);
  });
  log.info("running", { broker: running.url, spool: running.folder, store: settings.historian.backend });
  return running;
}

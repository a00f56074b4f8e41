import type { Command } from "commander";
import { type Check, selfTest } from "../../mqtt/index.ts";
import { formatAll } from "../setup/diagnostics.ts";
import { loadAll, probed } from "../setup/load.ts";
import { CommandError } from "../terminal/command-error.ts";
import { testOptions } from "../terminal/options.ts";
import { formatTable } from "../terminal/table.ts";
import { printJson, type Terminal } from "../terminal/terminal.ts";

interface Flags {
  readonly config?: string;
  readonly timeout: number;
  readonly json?: true;
}

export function selftest(program: Command, terminal: Terminal): void {
  const command = program
    .command("selftest")
    .description(
      "Test whether the broker allows what the bridge needs: login, topics, message sizes, commands. Exits with 1 when a test fails.",
    );
  testOptions(command).action((flags: Flags) => runSelfTest(flags, terminal));
}

async function runSelfTest(flags: Flags, terminal: Terminal): Promise<void> {
  const { config } = flags;
  const { settings, devices, diagnostics } = await loadAll({
    config,
    secrets: terminal.secrets,
    env: terminal.env,
  });
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  terminal.err(formatAll(errors));
  const checks = await selfTest({
    broker: settings.mqtt,
    instance: settings.instance,
    devices: devices.map((device) => probed(device, settings)),
    requester: settings.actuator.requester,
    timeoutMs: flags.timeout * 1000,
    signal: terminal.ending,
  });
  if (flags.json) printJson(terminal, checks);
  else terminal.out(report(checks));
  const failed = checks.filter(({ outcome }) => outcome === "failed").length;
  if (failed > 0) throw new CommandError(flags.json ? "" : `${failed} of ${checks.length} checks failed`);
}

function report(checks: readonly Check[]): string {
  return formatTable(
    ["check", "outcome", "result"],
    checks.map(({ check, outcome, text }) => [check, outcome, text]),
  );
}

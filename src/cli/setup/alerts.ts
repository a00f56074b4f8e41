import { randomUUID } from "node:crypto";
import type { Command } from "commander";
import { createTarget } from "../../alerts/targets/index.ts";
import { closest } from "../../config/index.ts";
import { messageOf } from "../../log/log.ts";
import type { AlertMessage } from "../../points/index.ts";
import { systemClock } from "../../time/clock.ts";
import { CommandError } from "../terminal/command-error.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { packageVersion } from "../terminal/version.ts";
import { loadSettings } from "./load.ts";

interface Flags {
  readonly config?: string;
}

export function alerts(program: Command, terminal: Terminal): void {
  program
    .command("alerts")
    .description("Test the targets of alerts.")
    .command("test")
    .description("Send a test message to a target of the bridge config, and print the result.")
    .argument("<target>", "name of the target")
    .option("--config <file>", "bridge config (default: configs/bridge.json)")
    .action((name: string, flags: Flags) => testTarget(name, flags, terminal));
}

async function testTarget(name: string, { config }: Flags, terminal: Terminal): Promise<void> {
  const { settings } = loadSettings({ config, secrets: terminal.secrets, env: terminal.env });
  const { targets } = settings.alerts;
  const target = Object.hasOwn(targets, name) ? targets[name] : undefined;
  if (!target) {
    const near = closest(name, Object.keys(targets));
    throw new CommandError(
      `there is no target ${JSON.stringify(name)} in alerts.targets${near ? `; did you mean "${near}"?` : ""}`,
    );
  }
  const { instance, mail } = settings;
  const sending = createTarget(target, { instance, version: packageVersion(), mail, clock: systemClock });
  const at = new Date().toISOString();
  const message: AlertMessage = {
    ...{ id: randomUUID(), state: "raised", rule: "test", when: "test", severity: "info" },
    ...{
      subjects: [],
      count: 0,
      since: at,
      at,
      text: "a test by voltbridge alerts test; no action is needed",
    },
  };
  try {
    const partly = await sending.send([{ id: `msg_${randomUUID()}`, message }], terminal.ending);
    if (partly !== undefined) throw new CommandError(`some recipients got nothing: ${partly}`);
    terminal.out(`${name} took the message\n`);
  } catch (error) {
    if (error instanceof CommandError || terminal.ending.aborted) throw error;
    throw new CommandError(`${name} did not take the message: ${messageOf(error)}`);
  } finally {
    await sending.close?.();
  }
}

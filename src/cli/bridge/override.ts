import type { Command } from "commander";
import { numberOption } from "../terminal/options.ts";
import { counted, formatTable } from "../terminal/table.ts";
import { printJson, type Terminal } from "../terminal/terminal.ts";
import { type BridgeFlags, bridgeOptions, call } from "./ask.ts";

/** An entry of the verb `get_overrides`. */
interface Override {
  readonly pattern: string;
  readonly endsAt: string | null;
  readonly devices: readonly string[];
}

export function override(program: Command, terminal: Terminal): void {
  const parent = program
    .command("override")
    .description("Block writes to devices, through the running bridge.");
  bridgeOptions(
    parent
      .command("on")
      .description("Block writes to the devices that match a pattern, and revert them to their defaults.")
      .argument("<pattern>", "device path, or a shell pattern of paths: 'campus/garage/*'")
      .option(
        "--minutes <n>",
        "end it automatically after this time",
        numberOption({ above: 0, fraction: true }),
      )
      .option("--no-revert", "do not revert the devices"),
  ).action(async (pattern: string, flags: BridgeFlags & { minutes?: number; revert: boolean }) => {
    const duration = (flags.minutes ?? 0) * 60;
    await call("set_override_on", { pattern, duration, failsafe_revert: flags.revert }, flags, terminal);
    await list(flags, terminal);
  });
  bridgeOptions(
    parent
      .command("off")
      .description("Switch off one override.")
      .argument("<pattern>", "pattern, exactly as it was set"),
  ).action(async (pattern: string, flags: BridgeFlags) => {
    await call("set_override_off", { pattern }, flags, terminal);
    await list(flags, terminal);
  });
  bridgeOptions(parent.command("clear").description("Switch off every override.")).action(
    async (flags: BridgeFlags) => {
      await call("clear_overrides", {}, flags, terminal);
      await list(flags, terminal);
    },
  );
  bridgeOptions(parent.command("list").description("List active overrides.")).action((flags: BridgeFlags) =>
    list(flags, terminal),
  );
}

async function list(flags: BridgeFlags, terminal: Terminal): Promise<void> {
  const overrides = (await call("get_overrides", {}, flags, terminal)) as unknown as Override[];
  if (flags.json) return printJson(terminal, overrides);
  if (overrides.length === 0) return terminal.out("no overrides are active\n");
  const rows = overrides.map(({ pattern, endsAt, devices }) => [
    pattern,
    endsAt ?? "when it is switched off",
    devices.length === 1 ? devices[0]! : counted(devices.length, "device"),
  ]);
  terminal.out(formatTable(["pattern", "ends", "devices"], rows));
}

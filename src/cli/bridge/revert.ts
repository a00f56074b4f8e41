import type { Command } from "commander";
import type { Terminal } from "../terminal/terminal.ts";
import { ask, type BridgeFlags, bridgeOptions } from "./ask.ts";

export function revert(program: Command, terminal: Terminal): void {
  bridgeOptions(
    program
      .command("revert")
      .description("Revert a point, or every written point of a device, to the device's default.")
      .argument("<device[/point]>", "e.g. campus/garage/station-1/allowedLoad_1, or campus/garage/station-1"),
  ).action((target: string, flags: BridgeFlags) => ask({ action: "revert", target }, flags, terminal));
}

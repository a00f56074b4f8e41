import type { Command } from "commander";
import type { Terminal } from "../terminal/terminal.ts";
import { ask, type BridgeFlags, bridgeOptions } from "./ask.ts";

export function get(program: Command, terminal: Terminal): void {
  bridgeOptions(
    program
      .command("get")
      .description("Read a point through the running bridge, bypassing every cache.")
      .argument("<device/point>", "e.g. campus/garage/station-1/portLoad_1"),
  ).action((target: string, flags: BridgeFlags) => ask({ action: "get", target }, flags, terminal));
}

import type { Command } from "commander";
import { ask, type BridgeFlags, bridgeOptions } from "./ask.ts";
import { numberOption } from "./options.ts";
import type { Terminal } from "./terminal.ts";

export function set(program: Command, terminal: Terminal): void {
  bridgeOptions(
    program
      .command("set")
      .description("Write a point through the running bridge, and tell what was read back.")
      .argument("<device/point>", "e.g. campus/garage/station-1/allowedLoad_1")
      .argument("<value>", "JSON (3.3, true, null), or text as it is")
      .option("--duration <minutes>", "let it end by itself after so long", numberOption({ min: 1 })),
  )
    .addHelpText("after", "\nA value below zero goes behind --:  voltbridge set path/point -- -1")
    .action((target: string, text: string, flags: BridgeFlags & { readonly duration?: number }) => {
      const duration = flags.duration === undefined ? {} : { durationMinutes: flags.duration };
      return ask({ action: "set", target, value: parseValue(text), ...duration }, flags, terminal);
    });
}

function parseValue(text: string) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

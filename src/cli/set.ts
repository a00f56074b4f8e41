import type { Command } from "commander";
import type { PointValue } from "../points/index.ts";
import { ask, type BridgeFlags, bridgeOptions } from "./ask.ts";
import { CommandError, EXIT } from "./command-error.ts";
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
    .addHelpText(
      "after",
      `
Examples:
  voltbridge set campus/garage/station-1/allowedLoad_1 3.3
  voltbridge set campus/garage/station-1/percentShed 50 --duration 30
Text that begins with a dash goes behind --, a number below zero need not.`,
    )
    .action((target: string, text: string, flags: BridgeFlags & { readonly duration?: number }) => {
      const duration = flags.duration === undefined ? {} : { durationMinutes: flags.duration };
      return ask({ action: "set", target, value: parseValue(text), ...duration }, flags, terminal);
    });
}

/** JSON where it is that, else the text itself. */
function parseValue(text: string): PointValue {
  let finite = true;
  try {
    const value = JSON.parse(text, (_, inner) => {
      finite &&= typeof inner !== "number" || Number.isFinite(inner);
      return inner;
    });
    // Infinite, it would go out as null.
    if (finite) return value;
  } catch {
    return text;
  }
  throw new CommandError(`${text}: a number is too large`, EXIT.usage);
}

import type { Command } from "commander";
import { clearRetained, NoBrokerError } from "../../mqtt/index.ts";
import type { PointValue } from "../../points/index.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { numberOption } from "../terminal/options.ts";
import { printJson, type Terminal } from "../terminal/terminal.ts";
import { ask, type BridgeFlags, bridgeOptions, findBroker } from "./ask.ts";

interface Flags extends BridgeFlags {
  readonly duration?: number;
  readonly id?: string;
  readonly clearRetained?: true;
}

export function set(program: Command, terminal: Terminal): void {
  bridgeOptions(
    program
      .command("set")
      .description("Write a point through the running bridge, and print what was read back.")
      .argument("<device/point>", "e.g. campus/garage/station-1/allowedLoad_1")
      .argument("[value]", "JSON (3.3, true, null), or text as it is")
      .option("--duration <minutes>", "clear it automatically after this time", numberOption({ min: 1 }))
      .option("--id <text>", "command id; a command with the same id is not executed again")
      .option(
        "--clear-retained",
        "instead of writing, clear messages retained on the point's command topics, which no bridge executes",
      ),
  )
    .addHelpText("after", "\nPut text that begins with a dash after --; a negative number does not need it.")
    .action((target: string, text: string | undefined, flags: Flags) => {
      if (flags.clearRetained) return clear(target, text, flags, terminal);
      if (text === undefined) throw new CommandError("missing required argument 'value'", EXIT.usage);
      const id = flags.id === undefined ? {} : { id: flags.id };
      const duration = flags.duration === undefined ? {} : { durationMinutes: flags.duration };
      return ask({ action: "set", target, value: parseValue(text), ...duration, ...id }, flags, terminal);
    });
}

async function clear(
  target: string,
  text: string | undefined,
  flags: Flags,
  terminal: Terminal,
): Promise<void> {
  if (text !== undefined) throw new CommandError("--clear-retained takes no value; omit it", EXIT.usage);
  if (/[+#]/.test(target)) throw new CommandError(`${target} is a pattern, not a point`, EXIT.usage);
  const { broker } = findBroker(flags, terminal);
  const options = { broker, timeoutMs: flags.timeout * 1000, signal: terminal.ending };
  const cleared = await clearRetained(target, options).catch((error: unknown) => {
    throw error instanceof NoBrokerError ? new CommandError(error.message) : error;
  });
  if (flags.json) printJson(terminal, { cleared });
  else if (cleared.length === 0) terminal.out(`nothing is retained on the command topics of ${target}\n`);
  else terminal.out(cleared.map((topic) => `cleared: ${topic}\n`).join(""));
}

/** Parses JSON; other text is the value itself. */
function parseValue(text: string): PointValue {
  let finite = true;
  try {
    const value = JSON.parse(text, (_, inner) => {
      finite &&= typeof inner !== "number" || Number.isFinite(inner);
      return inner;
    });
    // An infinite number would be sent as null.
    if (finite) return value;
  } catch {
    return text;
  }
  throw new CommandError(`${text}: a number is too large`, EXIT.usage);
}

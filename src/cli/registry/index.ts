/** Commands about registries: the name of a subcommand chooses its file. */

import type { Command } from "commander";
import type { Terminal } from "../terminal/terminal.ts";
import { attributes } from "./attributes.ts";
import { fix } from "./fix.ts";
import { init } from "./init.ts";
import { tryOut } from "./try.ts";

/** The subcommands of `voltbridge registry`, in the order of `--help`. */
const SUBCOMMANDS = [attributes, init, fix, tryOut];

export function registry(program: Command, terminal: Terminal): void {
  const group = program.command("registry").description("Make, inspect, mend and try registries.");
  for (const add of SUBCOMMANDS) add(group, terminal);
}

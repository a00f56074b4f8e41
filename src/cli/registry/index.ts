import type { Command } from "commander";
import type { Terminal } from "../terminal/terminal.ts";
import { fix } from "./fix.ts";
import { tryOut } from "./try.ts";

/** The subcommands of `voltbridge registry`, in the order of `--help`. */
const SUBCOMMANDS = [fix, tryOut];

export function registry(program: Command, terminal: Terminal): void {
  const group = program.command("registry").description("Make, mend and try registry CSVs.");
  for (const add of SUBCOMMANDS) add(group, terminal);
}

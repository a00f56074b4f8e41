import type { Command } from "commander";
import type { Terminal } from "../terminal/terminal.ts";
import { volttron } from "./volttron.ts";

export function importing(program: Command, terminal: Terminal): void {
  const group = program.command("import").description("Bring configs of other systems over.");
  volttron(group, terminal);
}

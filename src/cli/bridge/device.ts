import type { Command } from "commander";
import type { PausedDevice } from "../../devices/index.ts";
import { formatTable } from "../terminal/table.ts";
import { printJson, type Terminal } from "../terminal/terminal.ts";
import { type BridgeFlags, bridgeOptions, call } from "./ask.ts";

export function device(program: Command, terminal: Terminal): void {
  const parent = program
    .command("device")
    .description("Pause and resume devices of the running bridge, without touching its files.");
  const add = (verb: "pause" | "resume", description: string) =>
    bridgeOptions(parent.command(verb).description(description).argument("<path>", "device path")).action(
      async (path: string, flags: BridgeFlags) => {
        await call(`${verb}_device`, { path }, flags, terminal);
        const paused = (await call("get_paused", {}, flags, terminal)) as unknown;
        show(paused as PausedDevice[], flags, terminal);
      },
    );
  add(
    "pause",
    "Stop reading and writing a device until it is resumed, also after a restart; list what is paused.",
  );
  add("resume", "Read a device now and at its times again; list what is still paused.");
}

function show(paused: readonly PausedDevice[], flags: BridgeFlags, terminal: Terminal): void {
  const rows = paused.map(({ device: path, since, requester }) => [path, since, requester]);
  if (flags.json) printJson(terminal, paused);
  else if (rows.length === 0) terminal.out("no devices are paused\n");
  else terminal.out(formatTable(["paused", "since", "by"], rows));
}

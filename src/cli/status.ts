import type { Command } from "commander";
import { type BridgeStatus, NoBrokerError, readBridgeStatus } from "../mqtt/index.ts";
import { type BridgeFlags, bridgeOptions, findBroker } from "./ask.ts";
import { CommandError } from "./command-error.ts";
import { formatValue } from "./table.ts";
import { printJson, type Terminal } from "./terminal.ts";

export function status(program: Command, terminal: Terminal): void {
  bridgeOptions(
    program
      .command("status")
      .description("What the running bridge says of itself. Ends with 1 where none is online."),
  ).action((flags: BridgeFlags) => showStatus(flags, terminal));
}

async function showStatus(flags: BridgeFlags, terminal: Terminal): Promise<void> {
  const { broker, instance } = findBroker(flags, terminal);
  const options = {
    timeoutMs: flags.timeout * 1000,
    signal: terminal.ending,
    ...(instance === undefined ? {} : { instance }),
  };
  const bridges = await readBridgeStatus(broker, options).catch((error: unknown) => {
    throw error instanceof NoBrokerError ? new CommandError(error.message) : error;
  });
  if (flags.json) printJson(terminal, bridges);
  else for (const bridge of bridges) terminal.out(describe(bridge));
  if (bridges.length === 0) throw new CommandError("no bridge was ever online at this broker");
  if (!bridges.some(({ state }) => state === "online")) throw new CommandError("no bridge is online");
}

function describe({ instance, state, info, health }: BridgeStatus): string {
  const lines = [`${instance} is ${state ?? "unknown"}`];
  if (info)
    lines.push(
      `  version ${formatValue(info.version)}, since ${formatValue(info.startedAt)}, ${(info.devices as unknown[]).length} devices`,
    );
  for (const [name, value] of Object.entries(health ?? {})) lines.push(`  ${name}: ${flat(value)}`);
  return `${lines.join("\n")}\n`;
}

/** `online 6, stale 0, offline 0` for an object of counters, one level of names deep or more. */
function flat(value: unknown): string {
  if (typeof value !== "object" || value === null) return formatValue(value);
  return Object.entries(value)
    .map(([name, inner]) =>
      typeof inner === "object" && inner !== null
        ? `${name} (${flat(inner)})`
        : `${name} ${formatValue(inner)}`,
    )
    .join(", ");
}

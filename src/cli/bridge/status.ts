import type { Command } from "commander";
import {
  type BridgeStatus,
  brokerUrl,
  callBridge,
  NoAnswerError,
  NoBridgeError,
  NoBrokerError,
  NoNameError,
  RpcError,
  readBridgeStatus,
} from "../../mqtt/index.ts";
import { CommandError } from "../terminal/command-error.ts";
import { counted, duration, formatValue, singleLine } from "../terminal/table.ts";
import { printJson, type Terminal } from "../terminal/terminal.ts";
import { type BridgeFlags, bridgeOptions, findBroker, requestOptions } from "./ask.ts";

export function status(program: Command, terminal: Terminal): void {
  bridgeOptions(
    program
      .command("status")
      .description(
        "Show the status of the running bridge, and the last status of separate historians. Exits with 1 when none is online.",
      ),
  ).action((flags: BridgeFlags) => showStatus(flags, terminal));
}

/** Maximum time for the bridge's answer, in seconds; after that, its last published status is shown. */
const ANSWER_SECONDS = 5;

/** A status, and whether it is current; `missing` is the reason why it is not. */
type Shown = BridgeStatus & { readonly live: boolean; readonly missing?: string };

async function showStatus(flags: BridgeFlags, terminal: Terminal): Promise<void> {
  const { broker, instance } = findBroker(flags, terminal);
  const options = {
    timeoutMs: flags.timeout * 1000,
    signal: terminal.ending,
    ...(instance === undefined ? {} : { instance }),
  };
  const retained = await readBridgeStatus(broker, options).catch((error: unknown) => {
    throw error instanceof NoBrokerError ? new CommandError(error.message) : error;
  });
  const bridges = await Promise.all(retained.map((status) => asked(status, flags, terminal)));
  if (flags.json) printJson(terminal, bridges);
  else for (const bridge of bridges) terminal.out(describe(bridge));
  // A bridge decides the exit code when there is one; historians may run without a bridge.
  const counting = bridges.filter(isBridge).length > 0 ? bridges.filter(isBridge) : bridges;
  if (counting.some(({ state }) => state === "online")) return;
  const [state, not] = bridges.length === 0 ? ["was ever", "was never"] : ["is", "is not"];
  const missing = instance === undefined ? `no bridge ${state}` : `bridge "${instance}" ${not}`;
  const remedy = bridges.length === 0 ? "" : '; start it with "voltbridge run"';
  throw new CommandError(`${missing} online at ${brokerUrl(broker)}${remedy}`);
}

/** Adds the current health, when the bridge returns it. A separate historian takes no requests. */
async function asked(status: BridgeStatus, flags: BridgeFlags, terminal: Terminal): Promise<Shown> {
  if (status.state !== "online" || !isBridge(status)) return { ...status, live: false };
  const seconds = Math.min(flags.timeout, ANSWER_SECONDS);
  const options = {
    ...requestOptions(flags, terminal),
    ...{ instance: status.instance, timeoutMs: seconds * 1000 },
  };
  try {
    const health = (await callBridge("get_health", {}, options)) as BridgeStatus["health"];
    return { ...status, health, live: true };
  } catch (error) {
    const missing = whyMissing(error, seconds);
    if (missing === undefined) throw error;
    return { ...status, live: false, missing };
  }
}

function whyMissing(error: unknown, seconds: number): string | undefined {
  if (error instanceof NoAnswerError) return `it did not answer within ${seconds} s`;
  // An earlier version has no such verb.
  if (error instanceof RpcError) return `it cannot be queried (${error.kind}: ${error.message})`;
  const known = [NoBridgeError, NoBrokerError, NoNameError].some((kind) => error instanceof kind);
  return known ? `it cannot be queried (${(error as Error).message})` : undefined;
}

function isBridge({ instance }: BridgeStatus): boolean {
  return !instance.includes("/");
}

/**
 * ```
 * voltbridge is online: version 0.1.0, 6 devices, since 2026-11-21T08:40:35.301Z (3 min ago)
 *   GOOD now
 *   devices    online 6, stale 0, offline 0
 * ```
 */
function describe({ instance, state, info, health, live, missing }: Shown): string {
  const lines = [singleLine(`${instance} is ${state ?? "unknown"}`)];
  if (info && state === "online") {
    const devices = info.devices as unknown[] | undefined;
    const has = devices ? `, ${counted(devices.length, "device")}` : "";
    lines[0] += `: version ${flat(info.version)}${has}, since ${when(info.startedAt)}`;
  }
  if (health) {
    const { at, status, startedAt: _, ...counters } = health;
    const since = live ? " now" : `, as reported ${state === "online" ? ago(at) : when(at)}`;
    lines.push(`  ${flat(status)}${since}${missing === undefined ? "" : `; ${missing}`}`);
    const width = Math.max(...Object.keys(counters).map((name) => name.length));
    for (const [name, value] of Object.entries(counters))
      lines.push(`  ${name.padEnd(width)}  ${flat(value)}`);
  }
  return `${lines.join("\n")}\n`;
}

function when(time: unknown): string {
  return `${flat(time)} (${ago(time)})`;
}

function ago(time: unknown): string {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(String(time))) / 1000));
  if (Number.isNaN(seconds)) return "at an unknown time";
  return `${duration(seconds)} ago`;
}

/** `online 6, stale 0, offline 0` for an object of counters, one level of names deep or more; a list item by item. */
function flat(value: unknown): string {
  if (Array.isArray(value)) return value.length > 0 ? value.map(flat).join("; ") : "none";
  if (typeof value !== "object" || value === null) return singleLine(formatValue(value));
  const members = Object.entries(value).map(([name, inner]) => {
    const isGroup = typeof inner === "object" && inner !== null && Object.keys(inner).length > 0;
    return isGroup ? `${name} (${flat(inner)})` : `${name} ${flat(inner)}`;
  });
  return members.length > 0 ? members.join(", ") : "0";
}

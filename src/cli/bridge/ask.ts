/** Commands to a running bridge: a command line becomes one request over the bridge's broker, and the answer is printed. */

import querystring from "node:querystring";
import type { Command } from "commander";
import { defaultBridge, type MqttSettings } from "../../config/index.ts";
import {
  type Ask,
  type CommandAnswer,
  callBridge,
  NoAnswerError,
  NoBridgeError,
  NoBrokerError,
  NoNameError,
  RpcError,
  request,
} from "../../mqtt/index.ts";
import type { PointValue } from "../../points/index.ts";
import { loadSettings } from "../setup/load.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { numberOption } from "../terminal/options.ts";
import { formatValue, singleLine } from "../terminal/table.ts";
import { printJson, type Terminal } from "../terminal/terminal.ts";

/** Errors of a request to a running bridge. */
const REQUEST_ERRORS = [NoBrokerError, NoBridgeError, NoAnswerError, NoNameError];

/** Options that name a broker. */
export interface BrokerFlags {
  readonly url?: string;
  readonly config?: string;
}

/** Options of every command that talks to a running bridge. */
export interface BridgeFlags extends BrokerFlags {
  readonly timeout: number;
  readonly requester?: string;
  readonly json?: true;
}

export function brokerOptions(command: Command): Command {
  return command
    .option(
      "--url <url>",
      "the bridge's broker, e.g. mqtt://user:password@host:1883 (default: the bridge config's mqtt section)",
    )
    .option("--config <file>", "bridge config (default: configs/bridge.json)");
}

export function bridgeOptions(command: Command): Command {
  return brokerOptions(command)
    .option(
      "--timeout <seconds>",
      "maximum time to wait for the answer",
      numberOption({ above: 0, fraction: true }),
      90,
    )
    .option(
      "--requester <name>",
      "name of the requester (default: cli; where the bridge takes names from topics, the user of its broker)",
    )
    .option("--json", "print JSON");
}

/** Returns the bridge's broker, and the instance to ask. */
export function findBroker(
  flags: BrokerFlags,
  terminal: Terminal,
): { broker: MqttSettings; instance?: string } {
  if (flags.url !== undefined) {
    const url = URL.parse(flags.url);
    if (!url || !/^(mqtts?|wss?):$/.test(url.protocol) || url.hostname === "")
      throw new CommandError(
        `${shown(flags.url)} is not the address of a broker: expected mqtt://, mqtts://, ws:// or wss://, a host, and its port if it is not the default`,
        EXIT.usage,
      );
    if (url.password !== "")
      for (const form of [url.password, querystring.unescape(url.password)]) terminal.secrets.add(form);
    return { broker: { ...defaultBridge().mqtt, url: flags.url } };
  }
  const { settings } = loadSettings({ config: flags.config, secrets: terminal.secrets, env: terminal.env });
  return { broker: settings.mqtt, instance: settings.instance };
}

/** Returns the options of a request: `user` is the requester as a topic names it. */
export function requestOptions(flags: BridgeFlags, terminal: Terminal) {
  const { requester, timeout } = flags;
  return {
    ...findBroker(flags, terminal),
    ...{ requester: requester ?? "cli", user: requester },
    ...{ timeoutMs: timeout * 1000, signal: terminal.ending },
  };
}

/** Returns the error that a command ends with where its request has no answer. */
function failureOf(error: unknown): unknown {
  const isKnown = REQUEST_ERRORS.some((kind) => error instanceof kind);
  return isKnown ? new CommandError((error as Error).message) : error;
}

/** Formats a URL for a message without its password; an invalid URL may hold one too. */
function shown(url: string): string {
  return `--url ${url.replace(/\/\/.*@/, "//***@")}`;
}

/**
 * Sends one command to the running bridge and prints its answer.
 * @throws CommandError when the command was refused or failed, or has no answer
 */
export async function ask(what: Ask, flags: BridgeFlags, terminal: Terminal): Promise<void> {
  const onEarly = (early: CommandAnswer) => terminal.err(`${describe(early)}\n`);
  const options = { ...requestOptions(flags, terminal), onEarly };
  const answer = await request(what, options).catch((error: unknown) => {
    throw failureOf(error);
  });
  if (flags.json) printJson(terminal, answer);
  else terminal.out(`${describe(answer)}\n`);
  if (answer.error !== undefined || answer.status === "unconfirmed") throw new CommandError("");
}

/** `confirmed: campus/garage/station-1/allowedLoad_1 = 3.3, read back 3.3 (code 100, 412 ms)` */
function describe(answer: CommandAnswer): string {
  const target = singleLine(answer.point === undefined ? answer.device : `${answer.device}/${answer.point}`);
  if (answer.action === "get" && answer.error === undefined) return formatValue(answer.value);
  const asked =
    answer.action === "set"
      ? ` = ${formatValue(answer.requested)}`
      : answer.action === "revert"
        ? " reverted"
        : "";
  const readBack = answer.readBack === undefined ? "" : `, read back ${formatValue(answer.readBack)}`;
  const details = [
    answer.code === undefined ? "" : `code ${answer.code}`,
    answer.tookMs === undefined ? "" : `${Math.round(answer.tookMs)} ms`,
  ].filter((detail) => detail !== "");
  const status = `${answer.status ?? "failed"}${answer.repeated ? " before" : ""}`;
  const head = `${status}: ${target}${asked}${readBack}${details.length > 0 ? ` (${details.join(", ")})` : ""}`;
  const error = answer.error === undefined ? "" : `${answer.error}: `;
  return answer.text ? `${head}\n  ${error}${singleLine(answer.text)}` : head;
}

/**
 * Calls one verb of the running bridge.
 * @throws CommandError with its error, and when no bridge answers
 */
export async function call(
  verb: string,
  params: Readonly<Record<string, PointValue>>,
  flags: BridgeFlags,
  terminal: Terminal,
): Promise<PointValue> {
  try {
    return await callBridge(verb, params, requestOptions(flags, terminal));
  } catch (error) {
    if (error instanceof RpcError) throw new CommandError(singleLine(`${error.kind}: ${error.message}`));
    throw failureOf(error);
  }
}

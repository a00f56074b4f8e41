import { callBridge, RpcError } from "../../mqtt/index.ts";
import type { PointValue } from "../../points/index.ts";
import { CommandError } from "../terminal/command-error.ts";
import { singleLine } from "../terminal/table.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { type BridgeFlags, findBroker, REQUEST_ERRORS, requesterOf } from "./ask.ts";

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
  const options = {
    ...findBroker(flags, terminal),
    ...requesterOf(flags),
    timeoutMs: flags.timeout * 1000,
    signal: terminal.ending,
  };
  try {
    return await callBridge(verb, params, options);
  } catch (error) {
    if (error instanceof RpcError) throw new CommandError(singleLine(`${error.kind}: ${error.message}`));
    throw REQUEST_ERRORS.some((kind) => error instanceof kind)
      ? new CommandError((error as Error).message)
      : error;
  }
}

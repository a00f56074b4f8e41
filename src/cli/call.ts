import { callBridge, NoAnswerError, NoBridgeError, NoBrokerError, RpcError } from "../mqtt/index.ts";
import type { PointValue } from "../points/index.ts";
import { type BridgeFlags, findBroker } from "./ask.ts";
import { CommandError } from "./command-error.ts";
import type { Terminal } from "./terminal.ts";

/** Calls one verb of the running bridge. Its errors, and that there is none, end the command with 1. */
export async function call(
  verb: string,
  params: Readonly<Record<string, PointValue>>,
  flags: BridgeFlags & { readonly requester?: string },
  terminal: Terminal,
): Promise<PointValue> {
  const options = {
    ...findBroker(flags, terminal),
    requester: flags.requester ?? "cli",
    timeoutMs: flags.timeout * 1000,
    signal: terminal.ending,
  };
  try {
    return await callBridge(verb, params, options);
  } catch (error) {
    if (error instanceof RpcError) throw new CommandError(`${error.kind}: ${error.message}`);
    if (error instanceof NoBrokerError || error instanceof NoBridgeError || error instanceof NoAnswerError)
      throw new CommandError(error.message);
    throw error;
  }
}

import type { Incoming } from "../broker/link.ts";
import { parseJson } from "../payloads.ts";

/** Of a JSON-RPC call. */
export type Id = string | number | null;

interface Call extends Pick<Incoming, "responseTopic" | "correlationData"> {
  readonly verb: string;
  readonly id: Id;
}

/** Calls that write one thing, and so have one answer that can be told after a restart. */
const SINGLE_WRITES = ["set_point", "revert_point", "revert_device"];

/** What is kept with the command of a call, so that it can be answered after a restart. */
export function rpcReplyNote(
  verb: string,
  id: Id,
  { responseTopic, correlationData }: Pick<Incoming, "responseTopic" | "correlationData">,
): string {
  return JSON.stringify({ verb, id, responseTopic, correlationData: correlationData?.toString("base64") });
}

export function readRpcNote(text: string): Call | undefined {
  const { verb, id, responseTopic, correlationData } = parseJson(text) ?? {};
  if (!SINGLE_WRITES.includes(verb)) return undefined;
  return {
    verb,
    id: id ?? null,
    ...(typeof responseTopic === "string" && { responseTopic }),
    ...(typeof correlationData === "string" && { correlationData: Buffer.from(correlationData, "base64") }),
  };
}

import { randomUUID } from "node:crypto";
import { addressOptions, type BrokerAddress, brokerUrl, protocolVersion } from "../broker/broker-address.ts";
import { type BrokerSession, openBrokerSession } from "../broker/broker-session.ts";
import { isVersionRefusal } from "../broker/client-session.ts";
import { type Incoming, reasonOf } from "../broker/link.ts";

/** The broker cannot be reached, does not let us in, or went away. */
export class NoBrokerError extends Error {
  override readonly name = "NoBrokerError";
}

/** A broker as a bridge knows it: its topics may stand below a base topic. */
export type BridgeBroker = BrokerAddress & { readonly baseTopic: string };

/** How long a broker may take to hand over what it retains. */
export const RETAINED_MS = 2000;

/**
 * One short connection to a bridge's broker, over MQTT 5 where both can and else over 3.1.1. Rejects with
 * {@link NoBrokerError}, or with the reason of `signal` when that is aborted.
 */
export async function visit(
  broker: BridgeBroker,
  options: {
    readonly timeoutMs: number;
    readonly signal?: AbortSignal;
    /** Default: a session of its own that ends with the visit. */
    readonly persistent?: { readonly clientId: string; readonly expirySeconds: number };
  },
  onMessage: (message: Incoming) => void,
): Promise<BrokerSession> {
  const { timeoutMs, signal, persistent } = options;
  const deadline = AbortSignal.timeout(timeoutMs);
  const open = async (version: 4 | 5): Promise<BrokerSession> =>
    openBrokerSession(
      {
        publishTimeoutMs: timeoutMs,
        client: {
          ...(await addressOptions(broker)),
          clientId: persistent?.clientId ?? `voltbridge-visit-${randomUUID().slice(0, 13)}`,
          protocolVersion: version,
          connectTimeout: timeoutMs,
          clean: !persistent,
          ...(persistent &&
            version === 5 && { properties: { sessionExpiryInterval: persistent.expirySeconds } }),
        },
        onMessage,
      },
      signal ? AbortSignal.any([deadline, signal]) : deadline,
    );
  const version = protocolVersion(broker);
  try {
    return await open(version).catch((error: unknown) => {
      if (version === 5 && isVersionRefusal(error)) return open(4);
      throw error;
    });
  } catch (cause) {
    signal?.throwIfAborted();
    const reason = deadline.aborted ? `no answer within ${timeoutMs / 1000} s` : reasonOf(cause);
    throw new NoBrokerError(`cannot connect to ${brokerUrl(broker)}: ${reason}`, { cause });
  }
}

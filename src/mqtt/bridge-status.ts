import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { addressOptions, type BrokerAddress, brokerUrl, protocolVersion } from "./broker-address.ts";
import { NoBrokerError } from "./client.ts";
import { reasonOf } from "./link.ts";
import { isVersionRefusal, openSession, type Session } from "./session.ts";
import { Topics } from "./topics.ts";

/** What a bridge says of itself on its retained topics; null where it never said anything there. */
export interface BridgeStatus {
  readonly instance: string;
  /** `online` or `offline`. */
  readonly state: string | null;
  readonly info: Record<string, unknown> | null;
  readonly health: Record<string, unknown> | null;
}

/** How long a broker may take to hand over what it retains. */
const RETAINED_MS = 1000;

/** The bridges of a broker, by what it retains of them. Rejects with {@link NoBrokerError}. */
export async function readBridgeStatus(
  broker: BrokerAddress & { readonly baseTopic: string },
  options: { readonly instance?: string; readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<BridgeStatus[]> {
  const topics = new Topics(options.instance ?? "+", broker.baseTopic);
  const found = new Map<string, { -readonly [K in keyof BridgeStatus]: BridgeStatus[K] }>();
  const open = async (version: 4 | 5): Promise<Session> =>
    openSession(
      {
        connectTimeoutMs: options.timeoutMs,
        publishTimeoutMs: options.timeoutMs,
        client: {
          ...(await addressOptions(broker)),
          clientId: `voltbridge-status-${randomUUID().slice(0, 13)}`,
          protocolVersion: version,
        },
        onMessage({ topic, payload }) {
          const [instance = "", kind = ""] = topic.split("/").slice(-2);
          const status = found.get(instance) ?? { instance, state: null, info: null, health: null };
          found.set(instance, status);
          if (kind === "state") status.state = payload.toString();
          else if (kind === "info" || kind === "health") status[kind] = JSON.parse(payload.toString());
        },
      },
      AbortSignal.any([AbortSignal.timeout(options.timeoutMs), ...(options.signal ? [options.signal] : [])]),
    );
  const version = protocolVersion(broker);
  const session = await open(version)
    .catch((error: unknown) => {
      if (version === 5 && isVersionRefusal(error)) return open(4);
      throw error;
    })
    .catch((cause: unknown) => {
      options.signal?.throwIfAborted();
      throw new NoBrokerError(`cannot connect to ${brokerUrl(broker)}: ${reasonOf(cause)}`, { cause });
    });
  try {
    await session.subscribe([topics.own("state"), topics.own("info"), topics.own("health")], {
      noLocal: false,
    });
    await sleep(RETAINED_MS, undefined, options.signal ? { signal: options.signal } : {});
    return [...found.values()];
  } finally {
    await session.end("done");
  }
}

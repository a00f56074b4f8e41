import { setTimeout as delay } from "node:timers/promises";
import { Topics } from "./topics.ts";
import { type BridgeBroker, parseJson, RETAINED_MS, visit } from "./visit.ts";

/** What a bridge says of itself on its retained topics; null where it never said anything there. */
export interface BridgeStatus {
  readonly instance: string;
  /** `online` or `offline`. */
  readonly state: string | null;
  readonly info: Record<string, unknown> | null;
  readonly health: Record<string, unknown> | null;
}

/** The bridges of a broker, by what it retains of them. Rejects with NoBrokerError. */
export async function readBridgeStatus(
  broker: BridgeBroker,
  options: { readonly instance?: string; readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<BridgeStatus[]> {
  const topics = new Topics(options.instance ?? "+", broker.baseTopic);
  const found = new Map<string, { -readonly [K in keyof BridgeStatus]: BridgeStatus[K] }>();
  const session = await visit(broker, options, ({ topic, payload }) => {
    const [instance = "", kind = ""] = topic.split("/").slice(-2);
    const status = found.get(instance) ?? { instance, state: null, info: null, health: null };
    found.set(instance, status);
    if (kind === "state") status.state = payload.toString();
    else if (kind === "info" || kind === "health") status[kind] = parseJson(payload.toString()) ?? null;
  });
  try {
    const filters = [topics.own("state"), topics.own("info"), topics.own("health")];
    await session.subscribe(filters, { noLocal: false });
    // Nothing tells the end of what is retained. One bridge is complete when it has said all three.
    const complete = (): boolean => {
      const one = found.get(options.instance ?? "");
      return one !== undefined && one.state !== null && one.info !== null && one.health !== null;
    };
    for (let waited = 0; waited < RETAINED_MS / 2 && !complete(); waited += STEP_MS)
      await delay(STEP_MS, undefined, options.signal && { signal: options.signal });
    return [...found.values()];
  } finally {
    await session.end("done");
  }
}

const STEP_MS = 50;

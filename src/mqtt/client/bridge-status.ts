import { setTimeout as delay } from "node:timers/promises";
import { parseJson } from "../payloads.ts";
import { Topics } from "../topics.ts";
import { type BridgeBroker, RETAINED_MS, visit } from "./visit.ts";

/** What a bridge or a historian of its own says of itself on its retained topics; null where it never said anything there. */
export interface BridgeStatus {
  /** `<instance>` of a bridge, `<instance>/<name>` of a historian. */
  readonly instance: string;
  /** `online` or `offline`. */
  readonly state: string | null;
  readonly info: Record<string, unknown> | null;
  readonly health: Record<string, unknown> | null;
}

/** The bridges of a broker and their historians, by what it retains of them. Rejects with NoBrokerError. */
export async function readBridgeStatus(
  broker: BridgeBroker,
  options: { readonly instance?: string; readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<BridgeStatus[]> {
  const instances = [options.instance ?? "+", `${options.instance ?? "+"}/+`];
  const filters = instances.flatMap((name) => {
    const topics = new Topics(name, broker.baseTopic);
    return [topics.own("state"), topics.own("info"), topics.own("health")];
  });
  const levelsBefore = new Topics("", broker.baseTopic).own("state").split("/").length - 2;
  const found = new Map<string, { -readonly [K in keyof BridgeStatus]: BridgeStatus[K] }>();
  let messages = 0;
  const session = await visit(broker, options, ({ topic, payload }) => {
    const levels = topic.split("/").slice(levelsBefore);
    const kind = levels.pop()!;
    const instance = levels.join("/");
    messages++;
    const status = found.get(instance) ?? { instance, state: null, info: null, health: null };
    found.set(instance, status);
    if (kind === "state") status.state = payload.toString();
    else if (kind === "info" || kind === "health") status[kind] = parseJson(payload.toString()) ?? null;
  });
  try {
    await session.subscribe(filters);
    // Nothing tells the end of what is retained. One bridge is complete when it has said all three and no more comes.
    const complete = (): boolean => {
      const one = found.get(options.instance ?? "");
      return one !== undefined && one.state !== null && one.info !== null && one.health !== null;
    };
    for (let waited = 0, seen = -1; waited < RETAINED_MS / 2; waited += STEP_MS) {
      if (complete() && messages === seen) break;
      seen = messages;
      await delay(STEP_MS, undefined, options.signal && { signal: options.signal });
    }
    return [...found.values()].sort((a, b) => (a.instance < b.instance ? -1 : 1));
  } finally {
    await session.end("done");
  }
}

const STEP_MS = 50;

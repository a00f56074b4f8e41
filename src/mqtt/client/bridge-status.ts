import { setTimeout as delay } from "node:timers/promises";
import { parseJson } from "../payloads.ts";
import { Topics } from "../topics.ts";
import { type BridgeBroker, RETAINED_MS, visit } from "./visit.ts";

/** Content of the retained topics of a bridge or a separate historian; null where there is none. */
export interface BridgeStatus {
  /** `<instance>` of a bridge, `<instance>/<name>` of a historian. */
  readonly instance: string;
  /** `online` or `offline`. */
  readonly state: string | null;
  readonly info: Record<string, unknown> | null;
  readonly health: Record<string, unknown> | null;
}

/** Reads the status of the bridges and historians of a broker from what it retains. Rejects with NoBrokerError. */
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
    // A broker does not mark the end of retained messages. One bridge is complete with all three, when no more come.
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

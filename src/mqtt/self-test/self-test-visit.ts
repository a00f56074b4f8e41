import { setTimeout as delay } from "node:timers/promises";
import { brokerUrl, versionName } from "../broker/broker-address.ts";
import type { BrokerSession } from "../broker/broker-session.ts";
import type { Incoming } from "../broker/link.ts";
import { reasonOf } from "../broker/link.ts";
import { type BridgeBroker, RETAINED_MS, visit } from "../client/visit.ts";
import { parseJson } from "../payloads.ts";
import { Topics } from "../topics.ts";
import { type Check, LoopbackProbe, type ProbeContext, type ProbedDevice, runProbes } from "./probes.ts";

export interface SelfTestVisit {
  readonly broker: BridgeBroker;
  readonly instance: string;
  readonly devices: readonly ProbedDevice[];
  /** Source of a requester's name. */
  readonly requester: "message" | "topic";
  /** Maximum time for each step, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** Maximum number of devices whose topics are subscribed to. */
const MOST_DEVICES = 100;

/**
 * Tests at a broker, with the bridge's own login, what the bridge needs there: topics, sizes, commands, kept sessions; and
 * reads what a running bridge publishes. Publishes nothing that could be taken for a reading or a command. Rejects only
 * with the reason of `signal`: a test that cannot be run is a failed check.
 */
export async function selfTest(options: SelfTestVisit): Promise<Check[]> {
  const { broker, instance, devices } = options;
  const topics = new Topics(instance, broker.baseTopic);
  const url = brokerUrl(broker);
  const bridge = new RunningBridge(topics, devices);
  const loopback = new LoopbackProbe(options.timeoutMs);
  let session: BrokerSession;
  try {
    session = await visit(broker, options, (message) => {
      loopback.hear(message);
      bridge.hear(message);
    });
  } catch (error) {
    options.signal?.throwIfAborted();
    const text = `${reasonOf(error)}; check mqtt.url, the login, and that the broker runs`;
    return [{ check: "connect", outcome: "failed", text }];
  }
  const found: Check[] = [
    { check: "connect", outcome: "ok", text: `${url} accepts the login` },
    versionCheck(broker, session.protocolVersion),
  ];
  try {
    await session.subscribe(bridge.filters);
    await delay(RETAINED_MS / 2, undefined, options.signal && { signal: options.signal });
    const own = [async (of: ProbeContext) => [await probeSessions(of, options)], async () => bridge.checks()];
    const context = { session, loopback, topics, requester: options.requester, devices };
    for await (const check of runProbes(context, own)) found.push(check);
  } catch (error) {
    options.signal?.throwIfAborted();
    found.push({ check: "connection", outcome: "failed", text: reasonOf(error) });
  } finally {
    await session.end("done");
  }
  return found;
}

/** Reports the version of the connection; a warning where the broker refused the newer one. */
function versionCheck(broker: BridgeBroker, version: 4 | 5): Check {
  const check = "version";
  const text = `MQTT ${versionName(version)}`;
  if (version === broker.protocolVersion) return { check, outcome: "ok", text };
  return {
    ...{ check, outcome: "warning" },
    text:
      `the broker refused MQTT 5, so the bridge uses ${text}, in which brokers do not report what they discard; ` +
      "use a broker with MQTT 5, or set mqtt.protocol_version to 4 to connect without a first attempt",
  };
}

/** Collects what a running bridge publishes of itself, and whether there are messages of its devices. */
class RunningBridge {
  readonly filters: string[];
  readonly #topics: Topics;
  readonly #deviceTopics: Set<string>;
  #state = "";
  #health: Record<string, unknown> | undefined;
  #heard: string | undefined;

  constructor(topics: Topics, devices: readonly ProbedDevice[]) {
    this.#topics = topics;
    this.#deviceTopics = new Set(
      devices
        .slice(0, MOST_DEVICES)
        .flatMap(({ path, publish }) => [
          ...(publish.depthFirstAll ? [topics.allDepthFirst(path)] : []),
          ...(publish.breadthFirstAll ? [topics.allBreadthFirst(path)] : []),
        ]),
    );
    this.filters = [topics.own("state"), topics.own("health"), ...this.#deviceTopics];
  }

  hear({ topic, payload }: Incoming): void {
    if (topic === this.#topics.own("state")) this.#state = payload.toString();
    else if (topic === this.#topics.own("health")) this.#health = parseJson(payload.toString());
    else if (this.#deviceTopics.has(topic)) this.#heard ??= topic;
  }

  checks(): Check[] {
    if (this.#state !== "online") {
      const text = `the bridge is ${this.#state || "not known at this broker"}; start it with "voltbridge run" and test again to see its devices' messages`;
      return [{ check: "bridge", outcome: "unknown", text }, ...this.#devices("unknown")];
    }
    const failed = Object.entries((this.#health?.selfTest as Record<string, unknown>) ?? {}).filter(
      ([, said]) => typeof said === "string" && said.startsWith("failed"),
    );
    const bridge: Check =
      failed.length === 0
        ? { check: "bridge", outcome: "ok", text: "the bridge is online and found nothing wrong itself" }
        : {
            ...{ check: "bridge", outcome: "failed" },
            text: `the bridge itself found: ${failed.map(([name, said]) => `${name} ${said}`).join("; ")}`,
          };
    return [bridge, ...this.#devices("failed")];
  }

  #devices(silent: "failed" | "unknown"): Check[] {
    const check = "device_topics";
    const { size } = this.#deviceTopics;
    if (size === 0) return [];
    if (this.#heard !== undefined)
      return [{ check, outcome: "ok", text: `there are messages on ${this.#heard}` }];
    const [first] = this.#deviceTopics;
    const where = size === 1 ? first : `${first} and ${size - 1} more topics`;
    const why =
      silent === "unknown"
        ? "test again while the bridge runs"
        : "wait for a scrape and test again (with mqtt.retain off only what comes during the test is seen); if it stays so, let the bridge's user write and read these topics";
    return [{ check, outcome: "unknown", text: `nothing was heard on ${where}; ${why}` }];
  }
}

/** Time for which the broker keeps the session of the test, in seconds. */
const EXPIRY_SECONDS = 60;

/** Tests whether the broker keeps messages for a subscriber that is away, which `voltbridge historian` relies on. */
async function probeSessions({ session, topics }: ProbeContext, options: SelfTestVisit): Promise<Check> {
  const check = "sessions";
  const topic = topics.own("probe");
  const clientId = `voltbridge-selftest-${options.instance}`;
  const text = `kept ${Date.now()}`;
  const { broker } = options;
  const stay = { ...options, persistent: { clientId, expirySeconds: EXPIRY_SECONDS } };
  try {
    const first = await visit(broker, stay, () => undefined);
    await first.subscribe([topic]);
    await first.end("done");
    await session.publish({ topic, payload: text, qos: 1, retain: false });
    const kept = Promise.withResolvers<"kept">();
    const second = await visit(broker, stay, ({ payload }) => {
      if (payload.toString() === text) kept.resolve("kept");
    });
    const outcome = await Promise.race([kept.promise, delay(options.timeoutMs, "lost", { ref: false })]);
    await second.unsubscribe([topic]);
    await second.end("done");
    return outcome === "kept"
      ? { check, outcome: "ok", text: "the broker keeps messages for a subscriber that is away" }
      : {
          ...{ check, outcome: "failed" },
          text: `a message on ${topic} was not kept for a subscriber that was away; subscribers with persistent sessions (voltbridge historian) will have gaps: allow such sessions at the broker (Mosquitto: max_queued_messages, persistent_client_expiration)`,
        };
  } catch (error) {
    options.signal?.throwIfAborted();
    return { check, outcome: "unknown", text: `not tested: ${reasonOf(error)}` };
  }
}

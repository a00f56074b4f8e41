import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { DeviceInfo } from "../../points/index.ts";
import type { BrokerSession } from "../broker/broker-session.ts";
import { type Incoming, LinkDownError, PublishRefusedError, reasonOf } from "../broker/link.ts";
import { deviceText } from "../payloads.ts";
import type { Topics } from "../topics.ts";

/** One test at the broker, and its outcome. */
export interface Check {
  /** Stable word: `connect`, `own_topics`, `message_size`, `get`, `set`, `device_topics`, … */
  readonly check: string;
  /** `unknown`: it could not be tested; the text says why. */
  readonly outcome: "ok" | "warning" | "failed" | "unknown";
  /** What was seen and, where it is not ok, what to do. */
  readonly text: string;
}

export type ProbedDevice = Pick<DeviceInfo, "path" | "points" | "timezone" | "publish">;

/** The largest message that the devices will publish, as estimated before the first scrape. */
export interface LargestMessage {
  readonly device: string;
  readonly bytes: number;
}

/** Allowance for a value beside its name, and for headers, in bytes. */
const VALUE_BYTES = 40;
const HEADER_BYTES = 200;

export function largestMessage(devices: Iterable<ProbedDevice>): LargestMessage | undefined {
  let most: ProbedDevice | undefined;
  for (const device of devices) {
    const { depthFirstAll, breadthFirstAll } = device.publish;
    if ((depthFirstAll || breadthFirstAll) && device.points.size > (most?.points.size ?? -1)) most = device;
  }
  if (!most) return undefined;
  const { keys, allMetadata } = deviceText(most);
  const values = keys.reduce((sum, key) => sum + Buffer.byteLength(key) + VALUE_BYTES, 0);
  return { device: most.path, bytes: Buffer.byteLength(allMetadata) + values + HEADER_BYTES };
}

/** Outcome of a message that was published to be heard by its publisher. */
type LoopbackOutcome =
  | { readonly kind: "back" }
  /** The broker acknowledged it and did not deliver it. */
  | { readonly kind: "lost" }
  /** The broker refused it, or the subscription. */
  | { readonly kind: "refused"; readonly error: Error };

/** Publishes messages and checks whether the broker delivers them back. */
export class LoopbackProbe {
  readonly #timeoutMs: number;
  /** By topic. */
  readonly #awaited = new Map<string, { readonly id: string; readonly size: number; heard(): void }>();

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** Call it with every message of the connection. */
  hear({ topic, payload }: Incoming): void {
    const awaited = this.#awaited.get(topic);
    if (awaited?.size === payload.length && payload.includes(awaited.id)) awaited.heard();
  }

  /** Publishes `{"probe": <id>}`, padded to `size` bytes. Rejects with a LinkDownError where the connection ends meanwhile. */
  async sendProbe(session: BrokerSession, topic: string, size = 0): Promise<LoopbackOutcome> {
    const id = randomUUID();
    // May be megabytes. A closure that used it would keep it until the session ends.
    const payload = probePayload(id, size);
    const awaited = { id, size: payload.length };
    const back = new Promise<LoopbackOutcome>((resolve) => {
      this.#awaited.set(topic, { ...awaited, heard: () => resolve({ kind: "back" }) });
    });
    const timeout = new AbortController();
    const lost = delay(this.#timeoutMs, { kind: "lost" } as const, { signal: timeout.signal });
    lost.catch(() => undefined);
    const down = session.ended.then((reason) => {
      throw new LinkDownError(reason);
    });
    down.catch(() => undefined);
    try {
      await session.subscribe([topic]);
      await session.publish({ topic, payload, qos: 1, retain: false });
      return await Promise.race([back, lost, down]);
    } catch (error) {
      if (error instanceof LinkDownError) throw error;
      return { kind: "refused", error: error as Error };
    } finally {
      timeout.abort();
      this.#awaited.delete(topic);
      if (session.alive) await session.unsubscribe([topic]).catch(() => undefined);
    }
  }
}

function probePayload(id: string, size: number): string {
  const bare = JSON.stringify({ probe: id });
  if (size <= bare.length) return bare;
  const fill = "x".repeat(Math.max(0, size - bare.length - '"fill":"",'.length));
  return `${bare.slice(0, -1)},"fill":"${fill}"}`;
}

export interface ProbeContext {
  readonly session: BrokerSession;
  readonly loopback: LoopbackProbe;
  readonly topics: Topics;
  /** Source of a requester's name. */
  readonly requester: "message" | "topic";
  readonly devices: Iterable<ProbedDevice>;
}

type Probe = (context: ProbeContext) => Promise<Check[]>;

/** THE LIST of probes, of the running bridge's self-test and of `voltbridge selftest`. `more`: those of one caller only. */
export async function* runProbes(context: ProbeContext, more: readonly Probe[] = []): AsyncGenerator<Check> {
  // The largest message comes last: a broker may end the connection for it.
  for (const probe of [probeCommands, ...more, probeOwnTopics]) yield* await probe(context);
}

/** Tests whether the bridge's own topics work, and whether the largest message gets through on them. */
async function probeOwnTopics({ session, loopback, topics, devices }: ProbeContext): Promise<Check[]> {
  const largest = largestMessage(devices);
  const topic = topics.own("probe");
  const small = await loopback.sendProbe(session, topic);
  if (small.kind !== "back") {
    const text = `${fate(small, topic)}; let the bridge's user write and read ${topics.own("state").replace(/state$/, "#")}`;
    return [{ check: "own_topics", outcome: "failed", text }];
  }
  const own: Check = { check: "own_topics", outcome: "ok", text: `what is sent on ${topic} comes back` };
  if (!largest) return [own];
  const check = "message_size";
  const { device, bytes } = largest;
  const large = await loopback.sendProbe(session, topic, bytes);
  if (large.kind === "back") {
    const text = `a message of ${bytes} bytes gets through, as large as those of ${device} will be`;
    return [own, { check, outcome: "ok", text }];
  }
  if (large.kind === "lost" && bytes > (session.largestTaken ?? bytes)) {
    const text = `the broker took a message of ${bytes} bytes, as large as those of ${device} will be; it is larger than what the bridge itself takes, so whether it comes back was not tested`;
    return [own, { check, outcome: "ok", text }];
  }
  const text =
    `${fate(large, topic)}, which has ${bytes} bytes, as large as those of ${device} will be; raise the broker's limit ` +
    "(Mosquitto: message_size_limit, max_packet_size), or publish fewer points (Publish = never)";
  return [own, { check, outcome: "failed", text }];
}

/** Tests whether commands reach the bridge: a broker may grant subscriptions that it never serves. */
function probeCommands({ session, loopback, topics, requester }: ProbeContext): Promise<Check[]> {
  return Promise.all(
    topics.commandProbes(requester).map(async ({ name: check, filter, topic }): Promise<Check> => {
      const outcome = await loopback.sendProbe(session, topic);
      if (outcome.kind === "back")
        return { check, outcome: "ok", text: `commands on ${filter} reach the bridge` };
      if (outcome.kind === "refused" && outcome.error instanceof PublishRefusedError) {
        const text = `not tested: ${reasonOf(outcome.error)}; let the bridge's user write ${topic}`;
        return { check, outcome: "unknown", text };
      }
      const doubt =
        session.protocolVersion === 5
          ? ""
          : `, and to write ${topic} (MQTT 3.1.1 does not report which of the two is missing)`;
      const text =
        `${fate(outcome, topic)}; commands on ${filter} may never reach the bridge: give its user the right to read ` +
        `${filter}${doubt}`;
      return { check, outcome: "failed", text };
    }),
  );
}

function fate(outcome: LoopbackOutcome, topic: string): string {
  if (outcome.kind === "refused") return reasonOf(outcome.error);
  return `the broker took a message on ${topic} and did not deliver it back`;
}

import type { DeviceInfo } from "../../points/index.ts";
import type { BrokerSession } from "../broker/broker-session.ts";
import { PublishRefusedError, reasonOf } from "../broker/link.ts";
import { deviceText } from "../payloads.ts";
import type { Topics } from "../topics.ts";
import type { Echo, EchoOutcome } from "./echo.ts";

/** What was tried at the broker, and what came of it. */
export interface Check {
  /** Stable word: `connect`, `own_topics`, `message_size`, `get`, `set`, `device_topics`, … */
  readonly check: string;
  /** `unknown`: it could not be tried; the text says why. */
  readonly outcome: "ok" | "failed" | "unknown";
  /** What was seen and, where it is not ok, what to do. */
  readonly text: string;
}

export type ProbedDevice = Pick<DeviceInfo, "path" | "points" | "timezone" | "publish">;

/** The largest message that the devices will make, as far as it can be told before the first scrape. */
export interface LargestMessage {
  readonly device: string;
  readonly bytes: number;
}

/** Bytes of a value beside its name, generously; and of headers. */
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

/** Whether the bridge's own topics work, and the largest message gets through on them. */
export async function probeOwnTopics(
  session: BrokerSession,
  echo: Echo,
  topics: Topics,
  largest: LargestMessage | undefined,
): Promise<Check[]> {
  const topic = topics.own("probe");
  const small = await echo.send(session, topic);
  if (small.kind !== "back") {
    const text = `${fate(small, topic)}; let the bridge's user write and read ${topics.own("state").replace(/state$/, "#")}`;
    return [{ check: "own_topics", outcome: "failed", text }];
  }
  const own: Check = { check: "own_topics", outcome: "ok", text: `what is sent on ${topic} comes back` };
  if (!largest) return [own];
  const check = "message_size";
  const { device, bytes } = largest;
  const large = await echo.send(session, topic, bytes);
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

/** Whether commands will reach the bridge: a broker grants subscriptions that it will never serve. */
export function probeCommands(
  session: BrokerSession,
  echo: Echo,
  topics: Topics,
  requester: "message" | "topic",
): Promise<Check[]> {
  return Promise.all(
    topics.commandProbes(requester).map(async ({ name: check, filter, topic }): Promise<Check> => {
      const outcome = await echo.send(session, topic);
      if (outcome.kind === "back")
        return { check, outcome: "ok", text: `commands on ${filter} reach the bridge` };
      if (outcome.kind === "refused" && outcome.error instanceof PublishRefusedError) {
        const text = `not tested: ${reasonOf(outcome.error)}; let the bridge's user write ${topic}`;
        return { check, outcome: "unknown", text };
      }
      const doubt =
        session.protocolVersion === 5
          ? ""
          : `, and to write ${topic} (MQTT 3.1.1 does not tell which of the two is missing)`;
      const text =
        `${fate(outcome, topic)}; commands on ${filter} may never reach the bridge: give its user the right to read ` +
        `${filter}${doubt}`;
      return { check, outcome: "failed", text };
    }),
  );
}

function fate(outcome: EchoOutcome, topic: string): string {
  if (outcome.kind === "refused") return reasonOf(outcome.error);
  return `the broker took a message on ${topic} and did not deliver it back`;
}

import { matches } from "../../points/index.ts";
import { splitTarget, Topics } from "../topics.ts";
import { type RequestOptions, withBroker } from "./client.ts";
import { RETAINED_MS } from "./visit.ts";

/**
 * Clears what a broker retains on the topics by which a point is set; no bridge carries that out, and each hears of it at
 * every connect. Gives the topics that were cleared. Rejects with NoBrokerError.
 */
export function clearRetained(
  target: string,
  options: Pick<RequestOptions, "broker" | "timeoutMs" | "signal">,
): Promise<string[]> {
  const topics = new Topics("+", options.broker.baseTopic);
  const { path, point } = splitTarget(target);
  const plain = [topics.command("set", { path, point }), `${topics.attribute(path, point)}/set`];
  const filters = [...plain, ...plain.map((topic) => topics.signed(topic, "+"))];
  return withBroker(options, async (session, mailbox, signal) => {
    const retained = new Set<string>();
    await session.subscribe(filters, { noLocal: true });
    await mailbox.find(
      (message) => {
        const isMeant = filters.some((filter) => matches(filter, message.topic));
        if (isMeant && message.retained && message.payload.length > 0) retained.add(message.topic);
        return undefined;
      },
      AbortSignal.any([signal, AbortSignal.timeout(RETAINED_MS)]),
    );
    for (const topic of retained) await session.publish({ topic, payload: "", qos: 1, retain: true });
    return [...retained].sort();
  });
}

import { randomUUID } from "node:crypto";
import type { PointValue } from "../../points/index.ts";
import { brokerUrl } from "../broker/broker-address.ts";
import { parseJson } from "../payloads.ts";
import { Topics } from "../topics.ts";
import { addressed, findBridge, NoAnswerError, type RequestOptions, RpcError, withBroker } from "./client.ts";

/**
 * Calls one verb of a running bridge and gives its result. Rejects with {@link RpcError} where the bridge answers with an
 * error, with NoBrokerError, NoBridgeError, or NoAnswerError.
 */
export function callBridge(
  verb: string,
  params: Readonly<Record<string, PointValue>>,
  options: RequestOptions,
): Promise<PointValue> {
  const { broker, instance, requester = "client", timeoutMs } = options;
  return withBroker(options, async (session, mailbox, signal) => {
    const url = brokerUrl(broker);
    const anyone = new Topics(instance ?? "+", broker.baseTopic);
    await session.subscribe([anyone.own("state"), anyone.own("info")]);
    const name = await findBridge(mailbox, anyone, url, signal);
    const topics = new Topics(name, broker.baseTopic);
    const id = randomUUID();
    const responseTopic = topics.response(id);
    const answers = [responseTopic, topics.rpcResponse(verb)];
    await session.subscribe(answers);
    await session.publish({
      topic: await addressed(topics.rpc(verb), name, { options, mailbox, signal }),
      payload: JSON.stringify({ jsonrpc: "2.0", id, requester, params }),
      qos: 1,
      retain: false,
      responseTopic,
      correlationData: Buffer.from(id),
      expirySeconds: Math.ceil(timeoutMs / 1000),
    });
    const answer = await mailbox.find((message) => {
      if (!answers.includes(message.topic)) return undefined;
      const body = parseJson(message.payload.toString());
      return body?.id === id ? body : undefined;
    }, signal);
    if (!answer)
      throw new NoAnswerError(
        `the bridge at ${url} did not answer within ${timeoutMs / 1000} s; whether the call was carried out is not known`,
      );
    if (answer.error) throw new RpcError(answer.error.data?.type ?? "Error", answer.error.message);
    return answer.result;
  });
}

import { randomUUID } from "node:crypto";
import { matches, type PointValue } from "../../points/index.ts";
import { brokerUrl } from "../broker/broker-address.ts";
import type { BrokerSession } from "../broker/broker-session.ts";
import type { Incoming, Message } from "../broker/link.ts";
import type { CommandAnswer } from "../commands/answers.ts";
import { parseJson } from "../payloads.ts";
import { type DeviceTarget, type PointTarget, splitTarget, Topics, topicFault } from "../topics.ts";
import {
  addressed,
  findBridge,
  NoAnswerError,
  RETAINED_MS,
  type ReplyRouter,
  type RequestOptions,
  RpcError,
  withBroker,
} from "./visit.ts";

/** A command for a running bridge. `target` is `<device path>/<point>`, for a revert also `<device path>`. */
export type Ask =
  | { readonly action: "get"; readonly target: string }
  | {
      readonly action: "set";
      readonly target: string;
      readonly value: PointValue;
      readonly durationMinutes?: number;
      /** A command is not carried out again under the same id. Default: a new one. */
      readonly id?: string;
    }
  | { readonly action: "revert"; readonly target: string };

/**
 * Sends one command to a running bridge and waits for its answer. A command that was refused or failed is an answer too
 * (`error`, `text`). Rejects with {@link NoBrokerError}, {@link NoBridgeError} or {@link NoAnswerError}.
 */
export async function request(ask: Ask, options: RequestOptions): Promise<CommandAnswer> {
  const fault = topicFault(ask.target);
  if (fault) {
    const text = `${JSON.stringify(ask.target)} ${fault}; expected <device path>/<point>`;
    const { path, point } = splitTarget(ask.target);
    return {
      id: "",
      action: ask.action,
      device: path,
      point,
      status: "refused",
      error: "BadTargetError",
      text,
    };
  }
  return withBroker(options, (session, replies, signal) => converse(session, replies, ask, options, signal));
}

async function converse(
  session: BrokerSession,
  replies: ReplyRouter,
  ask: Ask,
  options: RequestOptions,
  signal: AbortSignal,
): Promise<CommandAnswer> {
  const topics = new Topics(options.instance ?? "+", options.broker.baseTopic);
  const url = brokerUrl(options.broker);
  const visitId = randomUUID();
  const id = (ask.action === "set" ? ask.id : undefined) ?? visitId;
  const correlationData = Buffer.from(visitId);
  const responseTopic = topics.response(visitId);

  await session.subscribe([topics.own("state"), topics.own("info")]);
  const name = await findBridge(replies, topics, url, signal);
  const target = await resolveTarget(ask, replies, options.instance, signal);

  const answerTopics =
    ask.action === "revert"
      ? [topics.reverted(target), topics.error(target)]
      : [topics.value(target as PointTarget), topics.error(target)];
  await session.subscribe([responseTopic, ...answerTopics]);
  const command: Message = {
    topic: await addressed(topics.command(ask.action, target), name, { options, replies, signal }),
    payload: JSON.stringify({
      ...(ask.action === "set" && {
        value: ask.value,
        ...(ask.durationMinutes !== undefined && { duration_minutes: ask.durationMinutes }),
      }),
      id,
      requester: options.requester ?? "client",
    }),
    qos: 1,
    retain: false,
    responseTopic,
    correlationData,
    expirySeconds: Math.ceil(options.timeoutMs / 1000),
  };
  await session.publish(command);
  let early: CommandAnswer | undefined;
  const last = await replies.findReply((message) => {
    const answer =
      message.topic === responseTopic
        ? readDirect(message)
        : answerTopics.includes(message.topic)
          ? readVolttron(message, topics, ask, target, id)
          : undefined;
    if (answer?.final !== false) return answer;
    if (!early) options.onEarly?.(answer);
    early = answer;
    return undefined;
  }, signal);
  const answer = last ?? early;
  if (!answer)
    throw new NoAnswerError(
      `the bridge at ${url} did not answer within ${options.timeoutMs / 1000} s; whether the command was carried out is ` +
        "not known: read the point before sending it again",
    );
  return answer;
}

/** Returns the target of a revert: a device where the bridge has one of that path, else a point. */
async function resolveTarget(
  ask: Ask,
  replies: ReplyRouter,
  instance: string | undefined,
  signal: AbortSignal,
): Promise<PointTarget | DeviceTarget> {
  if (ask.action !== "revert") return splitTarget(ask.target);
  const soon = AbortSignal.any([signal, AbortSignal.timeout(RETAINED_MS)]);
  const { target } = ask;
  const kind = await replies.findReply((message) => {
    if (!message.topic.endsWith("/info")) return undefined;
    const info = parseJson(message.payload.toString()) as { devices?: string[] } | undefined;
    if (info?.devices?.includes(target)) return "device";
    if (info?.devices?.some((path) => target.startsWith(`${path}/`))) return "point";
    // Without an instance, another bridge may have it.
    return instance === undefined ? undefined : "unknown";
  }, soon);
  // An unknown target is sent as a device, so that the answer names the whole of it.
  return kind === "point" ? splitTarget(target) : { path: target };
}

function readDirect(message: Incoming): CommandAnswer | undefined {
  return parseJson(message.payload.toString()) as CommandAnswer | undefined;
}

/** Reads an answer on VOLTTRON's topics; ignores responses to requests of other clients. */
function readVolttron(
  message: Incoming,
  topics: Topics,
  ask: Ask,
  target: PointTarget | DeviceTarget,
  id: string,
): CommandAnswer | undefined {
  // Over MQTT 5 the answer on the response topic holds it all.
  if (message.userProperties.id !== undefined) return undefined;
  const body = parseJson(message.payload.toString());
  // An array of the bridge, an envelope of VOLTTRON (`mqtt.answers`), or an error of the bridge.
  const [value, , headers] = Array.isArray(body)
    ? body
    : body?.headers
      ? [body.message, undefined, body.headers]
      : [body, undefined, body];
  if (headers?.id !== id) return undefined;
  const { status, requested, readBack, code, text, tookMs, final, repeated } = headers;
  const known = {
    id,
    action: ask.action,
    device: target.path,
    point: target.point,
    status,
    requested,
    readBack,
    code,
    text,
    tookMs,
    ...(final === false && { final }),
    ...(repeated === true && { repeated }),
  };
  return message.topic === topics.error(target)
    ? { ...known, error: value.type, text: value.value }
    : { ...known, ...(ask.action === "get" && { value }) };
}

/**
 * Calls one verb of a running bridge and returns its result. Rejects with {@link RpcError} where the bridge answers with an
 * error, with NoBrokerError, NoBridgeError, or NoAnswerError.
 */
export function callBridge(
  verb: string,
  params: Readonly<Record<string, PointValue>>,
  options: RequestOptions,
): Promise<PointValue> {
  const { broker, instance, requester = "client", timeoutMs } = options;
  return withBroker(options, async (session, replies, signal) => {
    const url = brokerUrl(broker);
    const anyone = new Topics(instance ?? "+", broker.baseTopic);
    await session.subscribe([anyone.own("state"), anyone.own("info")]);
    const name = await findBridge(replies, anyone, url, signal);
    const topics = new Topics(name, broker.baseTopic);
    const id = randomUUID();
    const responseTopic = topics.response(id);
    const answers = [responseTopic, topics.rpcResponse(verb)];
    await session.subscribe(answers);
    await session.publish({
      topic: await addressed(topics.rpc(verb), name, { options, replies, signal }),
      payload: JSON.stringify({ jsonrpc: "2.0", id, requester, params }),
      qos: 1,
      retain: false,
      responseTopic,
      correlationData: Buffer.from(id),
      expirySeconds: Math.ceil(timeoutMs / 1000),
    });
    const answer = await replies.findReply((message) => {
      if (!answers.includes(message.topic)) return undefined;
      const body = parseJson(message.payload.toString());
      return body?.id === id ? body : undefined;
    }, signal);
    if (!answer)
      throw new NoAnswerError(
        `the bridge at ${url} did not answer within ${timeoutMs / 1000} s; whether the call was carried out is not known`,
      );
    if (answer.error) {
      const { data, message } = answer.error;
      throw new RpcError(data?.type ?? "Error", data?.detail ?? message);
    }
    return answer.result;
  });
}

/**
 * Clears retained messages on the topics by which a point is set: no bridge carries them out, and every bridge receives
 * them at each connect. Returns the topics that were cleared. Rejects with NoBrokerError.
 */
export function clearRetained(
  target: string,
  options: Pick<RequestOptions, "broker" | "timeoutMs" | "signal">,
): Promise<string[]> {
  const topics = new Topics("+", options.broker.baseTopic);
  const { path, point } = splitTarget(target);
  const plain = [topics.command("set", { path, point }), `${topics.attribute(path, point)}/set`];
  const filters = [...plain, ...plain.map((topic) => topics.signed(topic, "+"))];
  return withBroker(options, async (session, replies, signal) => {
    const retained = new Set<string>();
    await session.subscribe(filters, { noLocal: true });
    await replies.findReply(
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

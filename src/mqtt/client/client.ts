import { randomUUID } from "node:crypto";
import type { PointValue } from "../../points/index.ts";
import { brokerUrl, userOf } from "../broker/broker-address.ts";
import type { BrokerSession } from "../broker/broker-session.ts";
import { type Incoming, type Message, reasonOf } from "../broker/link.ts";
import type { Answer } from "../commands/answers.ts";
import { parseJson } from "../payloads.ts";
import { type DeviceTarget, type PointTarget, splitTarget, Topics, topicFault } from "../topics.ts";
import { Mailbox } from "./mailbox.ts";
import { type BridgeBroker, NoBrokerError, RETAINED_MS, visit } from "./visit.ts";

/** What to ask a running bridge. `target` is `<device path>/<point>`, for a revert also `<device path>`. */
export type Ask =
  | { readonly action: "get"; readonly target: string }
  | {
      readonly action: "set";
      readonly target: string;
      readonly value: PointValue;
      readonly durationMinutes?: number;
      /** Sent again with the same, it is not carried out again. Default: a new one. */
      readonly id?: string;
    }
  | { readonly action: "revert"; readonly target: string };

export interface RequestOptions {
  readonly broker: BridgeBroker;
  /** Name of the bridge; without it any bridge that is online will do. */
  readonly instance?: string;
  readonly requester?: string;
  /** Told of an answer that another one follows. */
  readonly onEarly?: (answer: Answer) => void;
  /** Name in topics, where the bridge takes the requester from these. Default: the broker's user. */
  readonly user?: string;
  /** For the whole request. A write is read back before it is answered, which may take the bridge's `confirm_timeout`. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** No bridge is online at this broker. */
export class NoBridgeError extends Error {
  override readonly name = "NoBridgeError";
}

/** A bridge answered a call with an error; `kind` is the class of what went wrong there. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly kind: string;

  constructor(kind: string, text: string) {
    super(text);
    this.kind = kind;
  }
}

/** The bridge takes the requester from the topic, and nobody said who asks. */
export class NoNameError extends Error {
  override readonly name = "NoNameError";
}

/** A bridge is online and did not answer in time. */
export class NoAnswerError extends Error {
  override readonly name = "NoAnswerError";
}

/**
 * Sends one command to a running bridge and waits for its answer. A command that was refused or failed is an answer too
 * (`error`, `text`). Rejects with {@link NoBrokerError}, {@link NoBridgeError} or {@link NoAnswerError}.
 */
export async function request(ask: Ask, options: RequestOptions): Promise<Answer> {
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
  return withBroker(options, (session, mailbox, signal) => converse(session, mailbox, ask, options, signal));
}

/**
 * Visits the broker for one conversation, with everything that is heard in a mailbox. Rejects with
 * {@link NoBrokerError} where the broker cannot be reached or goes away.
 */
export async function withBroker<T>(
  options: RequestOptions,
  work: (session: BrokerSession, mailbox: Mailbox, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const mailbox = new Mailbox();
  const session = await visit(options.broker, options, (message) => mailbox.put(message));
  const over = new AbortController();
  void session.ended.then((reason) => over.abort(new NoBrokerError(`lost the broker: ${reason}`)));
  const signals = [AbortSignal.timeout(options.timeoutMs), over.signal];
  const signal = AbortSignal.any(options.signal ? [...signals, options.signal] : signals);
  try {
    return await work(session, mailbox, signal);
  } catch (error) {
    options.signal?.throwIfAborted();
    over.signal.throwIfAborted();
    const known = [NoBridgeError, NoAnswerError, NoNameError, RpcError];
    throw known.some((kind) => error instanceof kind)
      ? error
      : new NoBrokerError(`${brokerUrl(options.broker)}: ${reasonOf(error)}`, { cause: error });
  } finally {
    await session.end("done");
  }
}

async function converse(
  session: BrokerSession,
  mailbox: Mailbox,
  ask: Ask,
  options: RequestOptions,
  signal: AbortSignal,
): Promise<Answer> {
  const topics = new Topics(options.instance ?? "+", options.broker.baseTopic);
  const url = brokerUrl(options.broker);
  const visitId = randomUUID();
  const id = (ask.action === "set" ? ask.id : undefined) ?? visitId;
  const correlationData = Buffer.from(visitId);
  const responseTopic = topics.response(visitId);

  await session.subscribe([topics.own("state"), topics.own("info")]);
  const name = await findBridge(mailbox, topics, url, signal);
  const target = await resolveTarget(ask, mailbox, options.instance, signal);

  const answerTopics =
    ask.action === "revert"
      ? [topics.reverted(target), topics.error(target)]
      : [topics.value(target as PointTarget), topics.error(target)];
  await session.subscribe([responseTopic, ...answerTopics]);
  const command: Message = {
    topic: await addressed(topics.command(ask.action, target), name, { options, mailbox, signal }),
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
  let early: Answer | undefined;
  const last = await mailbox.find((message) => {
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

/** Waits until a bridge says that it is online, and gives its name. */
export async function findBridge(
  mailbox: Mailbox,
  topics: Topics,
  url: string,
  signal: AbortSignal,
): Promise<string> {
  const soon = AbortSignal.any([signal, AbortSignal.timeout(RETAINED_MS)]);
  let seen = "";
  const online = await mailbox.find((message) => {
    if (!message.topic.endsWith("/state")) return undefined;
    seen = message.payload.toString();
    return seen === "online" ? message.topic.split("/").at(-2)! : undefined;
  }, soon);
  if (online !== undefined) return online;
  throw new NoBridgeError(
    seen === ""
      ? `no bridge was ever online at ${url} (nothing on ${topics.own("state")}); check the instance and the base topic`
      : `the bridge at ${url} is ${seen} (${topics.own("state")}); start it with "voltbridge run"`,
  );
}

/** The topic, with the requester's name where this bridge takes it from there. */
export async function addressed(
  topic: string,
  instance: string,
  { options, mailbox, signal }: { options: RequestOptions; mailbox: Mailbox; signal: AbortSignal },
): Promise<string> {
  const topics = new Topics(instance, options.broker.baseTopic);
  const soon = AbortSignal.any([signal, AbortSignal.timeout(RETAINED_MS)]);
  const info = await mailbox.find(
    (message) => (message.topic === topics.own("info") ? parseJson(message.payload.toString()) : undefined),
    soon,
  );
  if (info?.requester !== "topic") return topic;
  const user = options.user ?? userOf(options.broker);
  if (user === undefined || topicFault(user) || user.includes("/"))
    throw new NoNameError(
      `bridge ${instance} takes the requester from the topic: log in to the broker with a name of one topic level, e.g. --url mqtt://user:password@host`,
    );
  return topics.signed(topic, user);
}

/** For a revert: a device of the bridge where it has one of that name, else a point. */
async function resolveTarget(
  ask: Ask,
  mailbox: Mailbox,
  instance: string | undefined,
  signal: AbortSignal,
): Promise<PointTarget | DeviceTarget> {
  if (ask.action !== "revert") return splitTarget(ask.target);
  const soon = AbortSignal.any([signal, AbortSignal.timeout(RETAINED_MS)]);
  const { target } = ask;
  const kind = await mailbox.find((message) => {
    if (!message.topic.endsWith("/info")) return undefined;
    const info = parseJson(message.payload.toString()) as { devices?: string[] } | undefined;
    if (info?.devices?.includes(target)) return "device";
    if (info?.devices?.some((path) => target.startsWith(`${path}/`))) return "point";
    // Another bridge may still know it, where any will do.
    return instance === undefined ? undefined : "unknown";
  }, soon);
  // What nobody knows goes out as a device, so that the answer names it whole.
  return kind === "point" ? splitTarget(target) : { path: target };
}

function readDirect(message: Incoming): Answer | undefined {
  return parseJson(message.payload.toString()) as Answer | undefined;
}

/** The answer on VOLTTRON's topics, where its headers carry our id; others' answers are none of ours. */
function readVolttron(
  message: Incoming,
  topics: Topics,
  ask: Ask,
  target: PointTarget | DeviceTarget,
  id: string,
): Answer | undefined {
  const body = parseJson(message.payload.toString());
  const [value, , headers] = Array.isArray(body) ? body : [body?.value, undefined, body];
  const all = { ...message.userProperties, ...headers };
  if (all.id !== id) return undefined;
  const { status, requested, readBack, code, text, tookMs, final, repeated } = headers ?? {};
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
    ? { ...known, error: body.type, text: body.value }
    : { ...known, ...(ask.action === "get" && { value }) };
}

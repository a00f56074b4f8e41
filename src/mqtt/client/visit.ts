import { randomUUID } from "node:crypto";
import { addressOptions, type BrokerAddress, brokerUrl, userOf } from "../broker/broker-address.ts";
import { type BrokerSession, openBrokerSession } from "../broker/broker-session.ts";
import { isVersionRefusal } from "../broker/client-session.ts";
import { type Incoming, reasonOf } from "../broker/link.ts";
import type { CommandAnswer } from "../commands/answers.ts";
import { parseJson } from "../payloads.ts";
import { Topics, topicFault } from "../topics.ts";

/** The broker cannot be reached, refuses the login, or went away. */
export class NoBrokerError extends Error {
  override readonly name = "NoBrokerError";
}

/** Address of a broker, and the base topic of a bridge's topics there. */
export type BridgeBroker = BrokerAddress & { readonly baseTopic: string };

/** No bridge is online at this broker. */
export class NoBridgeError extends Error {
  override readonly name = "NoBridgeError";
}

/** A bridge answered a call with an error; `kind` is the class of the error there. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly kind: string;

  constructor(kind: string, text: string) {
    super(text);
    this.kind = kind;
  }
}

/** The bridge takes the requester from the topic, and there is no name to sign it with. */
export class NoNameError extends Error {
  override readonly name = "NoNameError";
}

/** A bridge is online and did not answer in time. */
export class NoAnswerError extends Error {
  override readonly name = "NoAnswerError";
}

/** Maximum time that a broker may take to deliver retained messages, in milliseconds. */
export const RETAINED_MS = 2000;

/**
 * Opens a short connection to a bridge's broker, over MQTT 5 where both support it, else over 3.1.1. Rejects with
 * {@link NoBrokerError}, or with the reason of `signal` when that is aborted.
 */
export async function visit(
  broker: BridgeBroker,
  options: {
    readonly timeoutMs: number;
    readonly signal?: AbortSignal;
    /** Session that the broker keeps. Default: one that ends with the visit. */
    readonly persistent?: { readonly clientId: string; readonly expirySeconds: number };
  },
  onMessage: (message: Incoming) => void,
): Promise<BrokerSession> {
  const { timeoutMs, signal, persistent } = options;
  const deadline = AbortSignal.timeout(timeoutMs);
  const open = async (version: 4 | 5): Promise<BrokerSession> =>
    openBrokerSession(
      {
        publishTimeoutMs: timeoutMs,
        client: {
          ...(await addressOptions(broker)),
          clientId: persistent?.clientId ?? `voltbridge-visit-${randomUUID().slice(0, 13)}`,
          protocolVersion: version,
          connectTimeout: timeoutMs,
          clean: !persistent,
          ...(persistent &&
            version === 5 && { properties: { sessionExpiryInterval: persistent.expirySeconds } }),
        },
        onMessage,
      },
      signal ? AbortSignal.any([deadline, signal]) : deadline,
    );
  const version = broker.protocolVersion;
  try {
    return await open(version).catch((error: unknown) => {
      if (version === 5 && isVersionRefusal(error)) return open(4);
      throw error;
    });
  } catch (cause) {
    signal?.throwIfAborted();
    const reason = deadline.aborted ? `no answer within ${timeoutMs / 1000} s` : reasonOf(cause);
    throw new NoBrokerError(`cannot connect to ${brokerUrl(broker)}: ${reason}`, { cause });
  }
}

export interface RequestOptions {
  readonly broker: BridgeBroker;
  /** Name of the bridge. Default: any bridge that is online. */
  readonly instance?: string;
  readonly requester?: string;
  /** Called with an answer that another one follows. */
  readonly onEarly?: (answer: CommandAnswer) => void;
  /** Name to sign topics with, where the bridge takes the requester from these. Default: the broker's user. */
  readonly user?: string;
  /** For the whole request, in milliseconds. A write is read back before its answer, within the bridge's `confirm_timeout`. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** Keeps the messages of a visit, and finds those that a request waits for. */
export class ReplyRouter {
  readonly #messages: Incoming[] = [];
  #wake: () => void = () => undefined;

  receive(message: Incoming): void {
    this.#messages.push(message);
    this.#wake();
  }

  /** Resolves with the first result of `read` over the messages, past and to come; with undefined when `signal` is aborted. */
  async findReply<T>(
    read: (message: Incoming) => T | undefined,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    let next = 0;
    for (;;) {
      for (; next < this.#messages.length; next++) {
        const found = read(this.#messages[next]!);
        if (found !== undefined) return found;
      }
      if (signal.aborted) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }
}

/** Connects for one conversation. Rejects with {@link NoBrokerError} where the broker cannot be reached or goes away. */
export async function withBroker<T>(
  options: RequestOptions,
  work: (session: BrokerSession, replies: ReplyRouter, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const replies = new ReplyRouter();
  const session = await visit(options.broker, options, (message) => replies.receive(message));
  const over = new AbortController();
  void session.ended.then((reason) => over.abort(new NoBrokerError(`lost the broker: ${reason}`)));
  const signals = [AbortSignal.timeout(options.timeoutMs), over.signal];
  const signal = AbortSignal.any(options.signal ? [...signals, options.signal] : signals);
  try {
    return await work(session, replies, signal);
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

/** Waits until a bridge is online, and returns its name. */
export async function findBridge(
  replies: ReplyRouter,
  topics: Topics,
  url: string,
  signal: AbortSignal,
): Promise<string> {
  const soon = AbortSignal.any([signal, AbortSignal.timeout(RETAINED_MS)]);
  let seen = "";
  const online = await replies.findReply((message) => {
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

/** Returns the topic, signed with the requester's name where this bridge takes it from there. */
export async function addressed(
  topic: string,
  instance: string,
  { options, replies, signal }: { options: RequestOptions; replies: ReplyRouter; signal: AbortSignal },
): Promise<string> {
  const topics = new Topics(instance, options.broker.baseTopic);
  const soon = AbortSignal.any([signal, AbortSignal.timeout(RETAINED_MS)]);
  const info = await replies.findReply(
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

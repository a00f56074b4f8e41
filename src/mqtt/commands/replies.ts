import type { Write } from "../../points/index.ts";
import type { DirectSender } from "../broker/direct-sender.ts";
import type { Incoming, Link, Message } from "../broker/link.ts";
import { headerPlaces, parseJson } from "../payloads.ts";
import type { CommandTopic, PointTarget } from "../topics.ts";
import { actuatorAnswer, bridgeAnswer, type CommandAnswer, directAnswer, stateAnswer } from "./answers.ts";
import type { RequestContext } from "./incoming-request.ts";

/** Addressees of the answers to a command. */
export interface ReplyAddress {
  readonly topic: Pick<CommandTopic, "view" | "target">;
  readonly requester: string;
  readonly message: Pick<Incoming, "responseTopic" | "correlationData">;
}

/** Publishes answers to commands: on VOLTTRON's topics or the state view's, and on the response topic of the request. */
export class Replies {
  readonly #context: RequestContext;

  constructor(context: RequestContext) {
    this.#context = context;
  }

  send(answer: CommandAnswer, address: ReplyAddress): void {
    // An answer that does not reach the broker is lost: the outcome is on record (bus, history).
    for (const message of this.messages(answer, address)) void this.#context.sender.send(message);
  }

  /** Returns the answer to a command of an earlier run; undefined where it did not come over these topics. */
  late(write: Write): readonly Message[] | undefined {
    const note = write.via === "mqtt" ? (parseJson(write.replyTo ?? "") ?? {}) : {};
    if (note.view !== "volttron" && note.view !== "state") return undefined;
    if (write.action !== "set" && write.action !== "revert") return undefined;
    const { device, point, requester, id, action, requested, status, readBack, code, text, tookMs } = write;
    const failed = status === "refused" || status === "failed" || write.error !== undefined;
    const error = failed ? (write.error ?? "Error") : undefined;
    const place = { id, action, device: device.path, requested, point };
    const answer: CommandAnswer = { ...place, status, readBack, code, text, error, tookMs };
    const target = point === undefined ? { path: device.path } : { path: device.path, point };
    const topic = { view: note.view, target } as ReplyAddress["topic"];
    return this.messages(answer, { topic, requester, message: notedAddress(note) });
  }

  messages(answer: CommandAnswer, address: ReplyAddress): Message[] {
    const { topics } = this.#context;
    const { responseTopic, correlationData } = address.message;
    const messages = this.#onTopics(answer, address);
    // On a command topic the answer would be a command in the bridge's name.
    if (responseTopic !== undefined && !topics.isReserved(responseTopic))
      messages.push(directAnswer(answer, responseTopic, correlationData));
    // A flood of refusals must not keep other messages waiting.
    return answer.status === "refused" ? messages.map((one) => ({ ...one, yields: true })) : messages;
  }

  /** Returns the answer on the state view's topic, or on VOLTTRON's in the form of `mqtt.answers`. */
  #onTopics(
    answer: CommandAnswer,
    { topic, requester }: Pick<ReplyAddress, "topic" | "requester">,
  ): Message[] {
    const { link, topics, headers, answers, devices, now } = this.#context;
    const { view, target } = topic;
    if (view === "state") return [stateAnswer(answer, topics, target as PointTarget)];
    const context = { topics, target, requester, now: now() };
    if (answers === "volttron") return [actuatorAnswer(answer, context, link.protocolVersion) ?? []].flat();
    const places = headerPlaces(headers, link.protocolVersion);
    return [bridgeAnswer(answer, { ...context, places, device: devices.get(target.path) })];
  }
}

/** Returns the address of an answer as stored with a command, so that it can be answered after a restart. */
export function replyNote(more: object, { responseTopic, correlationData }: ReplyAddress["message"]): string {
  return JSON.stringify({ ...more, responseTopic, correlationData: correlationData?.toString("base64") });
}

/** Reads the parsed text of {@link replyNote}. */
export function notedAddress(note: Readonly<Record<string, unknown>>): ReplyAddress["message"] {
  const { responseTopic, correlationData } = note;
  return {
    responseTopic: typeof responseTopic === "string" ? responseTopic : undefined,
    correlationData: typeof correlationData === "string" ? Buffer.from(correlationData, "base64") : undefined,
  };
}

/** Maximum number of answers that wait for the broker. */
const MOST_LATE = 1000;

/** Answers to commands of an earlier run: they are known before the broker is connected, and wait for it. */
export class LateAnswers {
  readonly #link: Link;
  readonly #sender: DirectSender;
  readonly #waiting: Message[] = [];
  #unwatch: (() => void) | undefined;

  constructor(link: Link, sender: DirectSender) {
    this.#link = link;
    this.#sender = sender;
  }

  start(): void {
    this.#unwatch = this.#link.onChange((up) => {
      if (up) for (const message of this.#waiting.splice(0)) void this.#sender.send(message);
    });
  }

  stop(): void {
    this.#unwatch?.();
  }

  send(messages: readonly Message[]): void {
    if (this.#link.up) for (const message of messages) void this.#sender.send(message);
    else this.#waiting.push(...messages.slice(0, MOST_LATE - this.#waiting.length));
  }
}

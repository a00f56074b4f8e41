import { randomUUID } from "node:crypto";
import type { Command } from "../../devices/commands.ts";
import { type Incoming, reasonOf } from "../broker/link.ts";
import { type CommandTopic, unknownDevice } from "../topics.ts";
import { answerOf, type CommandAnswer } from "./answers.ts";
import { type CommandPayload, parseCommandPayload, valueToSet } from "./command-payload.ts";
import {
  RefusedError,
  type RequestContext,
  RetainedRefusals,
  refusedForAge,
  retainedError,
  termsOf,
} from "./incoming-request.ts";
import { RefusalFlood } from "./refusal-flood.ts";
import { type Replies, replyNote } from "./replies.ts";

/** Maximum number of commands that wait or run, for one device and in all. Further ones are refused with an answer. */
const MOST_PER_DEVICE = 1000;
const MOST = 5000;
const GET_TIMEOUT_MS = 30_000;
/** Maximum time for commands under way to end at the stop, in milliseconds. */
const STOP_MS = 2000;

/** A command with what its answer needs. */
interface Request {
  readonly topic: CommandTopic;
  readonly message: Incoming;
  readonly command: Command;
}

/**
 * Receives commands from the broker, has them carried out, and answers each. A write that is not read back soon is
 * answered twice, first as accepted.
 */
export class CommandReceiver {
  readonly #context: RequestContext;
  readonly #replies: Replies;
  readonly #stopping = new AbortController();
  /** By device path. */
  readonly #underWay = new Map<string, Set<Promise<void>>>();
  #count = 0;
  readonly #retained: RetainedRefusals;
  readonly #flood: RefusalFlood;
  readonly #unsubscribe: (() => void)[] = [];
  readonly #filters = new Set<string>();

  constructor(context: RequestContext, replies: Replies) {
    this.#context = context;
    this.#replies = replies;
    this.#retained = new RetainedRefusals(context.link);
    this.#flood = new RefusalFlood(context.log);
  }

  start(): void {
    const { topics, devices } = this.#context;
    this.#subscribe(topics.commandFilters(devices.keys()));
    this.#retained.start();
  }

  /** Call it when a device was added; one with more levels than all others needs a filter of its own. */
  addDevice(path: string): void {
    const filters = this.#context.topics.commandFilters([path]).filter((one) => !this.#filters.has(one));
    if (filters.length > 0 && !this.#stopping.signal.aborted) this.#subscribe(filters);
  }

  #subscribe(filters: readonly string[]): void {
    for (const filter of filters) this.#filters.add(filter);
    const { link, requesters } = this.#context;
    const onMessage = (message: Incoming) => this.#receive(message);
    this.#unsubscribe.push(link.subscribe({ filters: requesters.filters(filters), onMessage }));
  }

  /** Takes no more commands, and waits until those under way are answered. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const end of this.#unsubscribe) end();
    this.#retained.stop();
    const late = new Promise((resolve) => setTimeout(resolve, STOP_MS).unref());
    const underWay = [...this.#underWay.values()].flatMap((ofDevice) => [...ofDevice]);
    await Promise.race([Promise.all(underWay), late]);
  }

  #receive(message: Incoming): void {
    const signed = this.#context.requesters.read(message.topic);
    const topic = this.#context.topics.parseCommand(signed.topic);
    if (!topic || this.#isOwnValue(topic)) return;
    const { devices, others } = this.#context;
    if (!devices.has(topic.target.path) && others.have(topic.target)) return;
    // An empty retained message clears a retained command; over MQTT 5 subscribers see it.
    if (message.retained && message.payload.length === 0 && topic.action === "set") return;
    if (message.retained && this.#retained.wasRefused(message)) return;
    const { arrivedAt } = this.#context;
    const anonymous: Command = {
      ...{ id: randomUUID(), requester: "mqtt", via: "mqtt", sentAt: arrivedAt() },
      ...signed.terms,
    };
    let request: Request = { topic, message, command: anonymous };
    try {
      if (message.retained) throw retainedError(message.topic);
      const payload = parseCommandPayload(message.payload, {
        bareText: topic.view === "state",
        userProperties: message.userProperties,
      });
      const given = termsOf(payload, message, arrivedAt());
      const refusal = topic.action === "get" ? undefined : refusedForAge(given, this.#context.scope);
      const terms = { ...given, ...(refusal && { refusal }), ...signed.terms };
      if (this.#flood.covers(terms.requester ?? anonymous.requester, message.topic)) return;
      const command: Command = {
        ...anonymous,
        ...terms,
        replyTo: replyNote({ view: topic.view }, message),
        onAccepted: (early) => this.#answer(request, { ...answerOf(actionOf(topic), early), final: false }),
      };
      request = { topic, message, command };
      const act = this.#check(request, payload);
      this.#begin(request, act);
    } catch (error) {
      this.#answer(request, refusal(request, error));
    }
  }

  /** A point may be called `set`; its own state topic then looks like a command. */
  #isOwnValue(topic: CommandTopic): boolean {
    if (topic.view !== "state") return false;
    const device = this.#context.devices.get(`${topic.target.path}/${topic.target.point}`);
    return device?.points.has("set") ?? false;
  }

  /** Returns what carries the command out, or throws why it is refused. */
  #check(request: Request, payload: CommandPayload): () => Promise<CommandAnswer> {
    const { topic, command } = request;
    const { commands, devices } = this.#context;
    const { target } = topic;
    const { path } = target;
    if (!devices.has(path))
      throw new RefusedError("DeviceNotFoundError", unknownDevice(target, new Set(devices.keys())));
    if (target.point === undefined)
      return async () => answerOf("revert", await commands.revertDevice(path, command));
    const { point } = target;
    switch (topic.action) {
      case "get":
        return async () => {
          const { id } = command;
          return { id, action: "get", device: path, point, value: await this.#get(path, point) };
        };
      case "set": {
        const value = valueToSet(payload);
        return async () => answerOf("set", await commands.set(path, point, value, command));
      }
      case "revert":
        return async () => answerOf("revert", await commands.revertPoint(path, point, command));
    }
  }

  #get(path: string, point: string): Promise<CommandAnswer["value"]> {
    const deadline = AbortSignal.timeout(GET_TIMEOUT_MS);
    return this.#context.commands.get(path, point, AbortSignal.any([deadline, this.#stopping.signal]));
  }

  /** Hands the command over in the same turn, which keeps the order of arrival. */
  #begin(request: Request, act: () => Promise<CommandAnswer>): void {
    const { path } = request.topic.target;
    if (this.#stopping.signal.aborted) throw new RefusedError("StoppingError", "the bridge is stopping");
    const ofDevice = this.#underWay.get(path) ?? new Set();
    if (ofDevice.size >= MOST_PER_DEVICE || this.#count >= MOST)
      throw new RefusedError(
        "TooManyCommandsError",
        `too many commands wait (${ofDevice.size} for this device, ${this.#count} in all); send it again later`,
      );
    this.#underWay.set(path, ofDevice);
    this.#count++;
    const answering = act()
      .catch((error: unknown) => refusal(request, error))
      .then((answer) => {
        this.#answer(request, answer);
        this.#count--;
        ofDevice.delete(answering);
        if (ofDevice.size === 0) this.#underWay.delete(path);
      });
    ofDevice.add(answering);
  }

  #answer({ topic, message, command }: Request, answer: CommandAnswer): void {
    if (answer.status === "refused") this.#flood.refused(command.requester, message.topic, answer.error);
    this.#replies.send(answer, { topic, message, requester: command.requester });
  }
}

function actionOf({ action }: CommandTopic): "set" | "revert" {
  return action === "revert" ? "revert" : "set";
}

/** Names of errors after which nothing was sent to a device. */
const REFUSALS = new Set(["BadPayloadError", "DeviceNotFoundError", "PointNotFoundError"]);

/** Returns the answer to a command that was not carried out, or to a get that failed. */
function refusal(request: Request, error: unknown): CommandAnswer {
  const { topic, command } = request;
  const { path, point } = topic.target;
  const { name, code } = error as { name?: string; code?: unknown };
  const ours = error instanceof RefusedError || REFUSALS.has(name ?? "");
  return {
    id: command.id,
    action: topic.action,
    device: path,
    ...(point !== undefined && { point }),
    status: ours ? "refused" : "failed",
    error: name ?? "Error",
    text: reasonOf(error),
    ...(typeof code === "string" && { code }),
  };
}

import { randomUUID } from "node:crypto";
import type { CommandResult } from "../../devices/commands.ts";
import { messageOf } from "../../log/log.ts";
import type { DirectSender } from "../../mqtt/broker/direct-sender.ts";
import type { Incoming } from "../../mqtt/broker/link.ts";
import type { DeviceInfo, PointValue } from "../../points/index.ts";
import type { IntegrationParts } from "../contract.ts";
import type { Discovery } from "./discovery.ts";
import type { Component, DeviceDocument, DiscoveryMessage } from "./documents/index.ts";
import { ownTopics, parseCommandTopic } from "./topics.ts";

export interface SetPointsOptions {
  readonly requester: string;
  readonly parts: IntegrationParts;
  readonly sender: DirectSender;
  readonly discovery: Pick<Discovery, "find">;
}

/** A command of an entity, before it is carried out. */
interface Request {
  readonly objectId: string;
  readonly device: DeviceInfo;
  readonly component: Component;
  /** As Home Assistant sent it. */
  readonly payload: string;
  readonly message: Incoming;
}

/** Maximum number of commands that wait for devices; further ones are refused. */
const MOST_WAITING = 1000;
/** Maximum time for commands under way to be answered at the stop, in milliseconds. */
const STOP_MS = 5000;
/** Longer payloads are not numbers, and not shown. */
const LONGEST_PAYLOAD = 64;
const NUMBER = /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i;
const DURATION = "duration ";

/** Why a command is refused before it reaches a device. */
class RefusedError extends Error {}

/**
 * Turns what Home Assistant sends on the topics of entities into commands of the actuator, and publishes what became of the last one of
 * each device. The minutes that a limit lasts are set by an entity of their own, and kept over restarts.
 */
export class SetPoints {
  readonly #options: SetPointsOptions;
  /** Last answer by object id, published again after a connect. */
  readonly #answers = new Map<string, string>();
  readonly #underWay = new Set<Promise<void>>();
  readonly counters = { commands: 0, refusedCommands: 0 };

  constructor(options: SetPointsOptions) {
    this.#options = options;
  }

  /** Returns the retained messages of a device: how long limits last, and what became of the last command. */
  statesOf(objectId: string, { components }: DeviceDocument): DiscoveryMessage[] {
    const { duration, answer } = ownTopics(this.#options.parts.topics, objectId);
    const messages: DiscoveryMessage[] = [];
    if (components.some(({ command }) => command?.action === "duration"))
      messages.push({ topic: duration, payload: String(this.#minutesOf(objectId)) });
    const last = this.#answers.get(objectId);
    if (last !== undefined) messages.push({ topic: answer, payload: last });
    return messages;
  }

  /** Forgets a device that Home Assistant no longer has. */
  forget(objectId: string): void {
    this.#answers.delete(objectId);
    if (this.#minutesOf(objectId) > 0) this.#options.parts.state.set(DURATION + objectId, null);
  }

  receive(message: Incoming): void {
    const { parts, discovery } = this.#options;
    const address = parseCommandTopic(message.topic, parts.topics);
    if (!address) return;
    // An empty message clears a retained one.
    if (message.retained && message.payload.length === 0) return;
    this.counters.commands++;
    if (message.retained) {
      this.counters.refusedCommands++;
      const text = `a retained command on ${message.topic} is ignored: it would be carried out again after each connect. Switch "retain" off where it is sent, and clear the topic`;
      parts.notices.say("warning", "home_assistant_retained", text);
      return;
    }
    const found = discovery.find(address.objectId, address.key);
    if (!found) {
      this.counters.refusedCommands++;
      const text = `no entity takes commands on ${message.topic}; reload the MQTT integration of Home Assistant`;
      parts.notices.say("warning", "home_assistant_unknown", text);
      return;
    }
    const payload = message.payload.subarray(0, LONGEST_PAYLOAD + 1).toString();
    const work = this.#carryOut({ objectId: address.objectId, ...found, payload, message });
    this.#underWay.add(work);
    void work.finally(() => this.#underWay.delete(work));
  }

  /** Waits until the commands under way are answered. */
  async stop(): Promise<void> {
    const late = new Promise((resolve) => setTimeout(resolve, STOP_MS).unref());
    await Promise.race([Promise.all(this.#underWay), late]);
  }

  async #carryOut(request: Request): Promise<void> {
    const { component } = request;
    try {
      if (this.#underWay.size >= MOST_WAITING)
        throw new RefusedError(`${MOST_WAITING} commands wait already; send it again later`);
      if (component.command!.action === "duration") await this.#setDuration(request);
      else this.#answer(request, await this.#write(request));
    } catch (error) {
      if (!(error instanceof RefusedError)) this.#options.parts.log.error("a command failed", { err: error });
      this.#answer(request, {
        status: error instanceof RefusedError ? "refused" : "failed",
        text: messageOf(error),
      });
      // A display may show what was asked for.
      if (component.command!.action === "duration") this.#publishDuration(request.objectId);
    }
  }

  #write(request: Request): Promise<CommandResult> {
    const { requester, parts } = this.#options;
    const { device, component, objectId, message } = request;
    const { command } = component;
    if (command?.action !== "set" && command?.action !== "revert")
      throw new RefusedError("it takes no commands");
    const value = command.action === "set" ? (command.value ?? askedOf(request)) : undefined;
    if (value === undefined || (command.action === "set" && command.value !== undefined)) checkPress(request);
    const now = parts.clock.now();
    const measure = device.points.get(command.point)?.origin?.measure;
    const minutes = measure === "limit" || measure === "limit_percent" ? this.#minutesOf(objectId) : 0;
    const terms = {
      ...{ id: randomUUID(), requester, via: "home-assistant", sentAt: new Date(now) },
      expiresAt:
        message.expirySeconds === undefined ? undefined : new Date(now + message.expirySeconds * 1000),
      onAccepted: (early: CommandResult) => this.#answer(request, early),
    };
    return value === undefined
      ? parts.devices.commands.revertPoint(device.path, command.point, terms)
      : parts.devices.commands.set(device.path, command.point, value, {
          ...terms,
          durationMinutes: minutes > 0 ? minutes : undefined,
        });
  }

  async #setDuration(request: Request): Promise<void> {
    const minutes = numberOf(request);
    if (!Number.isInteger(minutes))
      throw new RefusedError("a limit lasts whole minutes; 0: until it is cleared");
    this.#options.parts.state.set(DURATION + request.objectId, minutes === 0 ? null : minutes);
    this.#publishDuration(request.objectId);
  }

  #minutesOf(objectId: string): number {
    const minutes = this.#options.parts.state.get(DURATION + objectId);
    return typeof minutes === "number" ? minutes : 0;
  }

  #publishDuration(objectId: string): void {
    const { parts, sender } = this.#options;
    const { duration } = ownTopics(parts.topics, objectId);
    const payload = String(this.#minutesOf(objectId));
    void sender.sendMeasured({ topic: duration, payload, qos: 1, retain: true });
  }

  #answer(
    { objectId, component, payload }: Request,
    result: Pick<CommandResult, "status"> & Partial<CommandResult>,
  ) {
    const { parts, sender } = this.#options;
    const { status, error, text, code, readBack, requested } = result;
    if (status === "refused") this.counters.refusedCommands++;
    const { name } = component.config;
    const asked = requested ?? cut(payload);
    const answer = JSON.stringify({
      ...{ status, entity: name, point: component.point ?? null, asked, readBack: readBack ?? null },
      ...{ error, code, text, at: new Date(parts.clock.now()) },
    });
    this.#answers.set(objectId, answer);
    const { answer: topic } = ownTopics(parts.topics, objectId);
    void sender.send({ topic, payload: answer, qos: 1, retain: true });
  }
}

function askedOf(request: Request): PointValue {
  const { component, payload } = request;
  if (component.platform !== "switch") return numberOf(request);
  if (payload !== "ON" && payload !== "OFF")
    throw new RefusedError(`expected ON or OFF, found ${shown(payload)}`);
  return payload === "ON";
}

function numberOf({ component, payload }: Request): number {
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = component.config as {
    min?: number;
    max?: number;
  };
  const text = payload.trim();
  if (payload.length > LONGEST_PAYLOAD || !NUMBER.test(text))
    throw new RefusedError(`expected a number, found ${shown(payload)}`);
  const value = Number(text);
  if (value < min || value > max) throw new RefusedError(`must be from ${min} to ${max}, found ${text}`);
  return value;
}

function checkPress({ component, payload }: Request): void {
  const { payload_press: press = "PRESS" } = component.config;
  if (payload !== press) throw new RefusedError(`a button sends ${press}, found ${shown(payload)}`);
}

function shown(payload: string): string {
  return JSON.stringify(cut(payload));
}

function cut(payload: string): string {
  return payload.length > LONGEST_PAYLOAD ? `${payload.slice(0, LONGEST_PAYLOAD)}…` : payload;
}

import type { Bus } from "../../bus.ts";
import type { Command, Commands } from "../../devices/commands.ts";
import { CommandExpiredError, RequesterError } from "../../devices/errors.ts";
import type { Log } from "../../log/log.ts";
import type { DeviceInfo } from "../../points/index.ts";
import type { DirectSender } from "../broker/direct-sender.ts";
import type { Incoming, Link } from "../broker/link.ts";
import type { Topics } from "../topics.ts";
import type { CommandPayload } from "./command-payload.ts";
import type { OtherBridges } from "./other-bridges.ts";

/** What all receivers of requests need. */
export interface RequestContext {
  readonly link: Link;
  readonly sender: DirectSender;
  readonly topics: Topics;
  /** Setting `mqtt.headers`. */
  readonly headers: "payload" | "properties" | "both";
  /** Setting `mqtt.answers`. */
  readonly answers: "bridge" | "volttron";
  readonly bus: Bus;
  /** By path. May change while running. */
  readonly devices: ReadonlyMap<string, DeviceInfo>;
  readonly commands: Commands;
  /** Which devices that are not in `devices` others answer for. */
  readonly others: Pick<OtherBridges, "have">;
  /** Present where several sessions of an estate share the requests. */
  readonly scope?: RequestScope | undefined;
  readonly requesters: Requesters;
  /** Returns the health of the bridge at this moment. */
  readonly health: () => object;
  readonly log: Log;
  readonly now: () => Date;
  /** Returns the earliest time at which a message that is read now can have come. */
  readonly arrivedAt: () => Date;
}

/** Which requests one session of an estate answers: those for the devices of its shard. */
export interface RequestScope {
  /** Whether it answers what names no device, or none that the estate knows, too. */
  readonly isLead: boolean;
  /** Whether another shard has the device. */
  isElsewhere(path: string): boolean;
  /** Whether a message that comes now may have waited at the broker for any time. */
  isOfUnknownAge(): boolean;
}

/** Returns why a request that does not say when it was sent is refused, if it is. */
export function refusedForAge(
  { sentAt }: { readonly sentAt?: Date | undefined },
  scope: RequestScope | undefined,
): CommandExpiredError | undefined {
  if (sentAt || !scope?.isOfUnknownAge()) return undefined;
  return new CommandExpiredError(
    "it waited at the broker for an unknown time and does not say when it was sent, so nothing was sent; send it again, with its time",
  );
}

/** The request was refused before it was carried out; `kind` becomes the `type` of the answer. */
export class RefusedError extends Error {
  override readonly name: string;

  constructor(kind: string, text: string) {
    super(text);
    this.name = kind;
  }
}

export function retainedError(topic: string): RefusedError {
  return new RefusedError(
    "RetainedCommandError",
    `a retained message on ${topic} is never carried out; send the command without retain, and clear this one with ` +
      "an empty retained message",
  );
}

/** Returns id, requester and times of a request; it expires by its own time or by the broker's, whichever is sooner. */
export function termsOf(
  payload: Pick<CommandPayload, "id" | "requester" | "sentAt" | "expiresAt" | "durationMinutes">,
  message: Incoming,
  now: Date,
): Partial<Command> {
  const { id, requester, sentAt, expiresAt, durationMinutes } = payload;
  const ends = expiresAt ? [expiresAt.getTime()] : [];
  if (message.expirySeconds !== undefined) ends.push(now.getTime() + message.expirySeconds * 1000);
  return {
    ...(id !== undefined && { id }),
    ...(requester !== undefined && { requester }),
    ...(sentAt && { sentAt }),
    ...(durationMinutes !== undefined && { durationMinutes }),
    ...(ends.length > 0 && { expiresAt: new Date(Math.min(...ends)) }),
  };
}

/** Maximum number of retained messages whose refusal is remembered. */
const MOST_REFUSED = 1000;
/** Time after a connect or subscription during which a broker may deliver retained messages, in milliseconds. */
const HANDOVER_MS = 5000;

/** Remembers which retained messages were refused, so that the answers are not repeated at the next connect. */
export class RetainedRefusals {
  readonly #link: Link;
  readonly #refused = new Set<string>();
  #unwatch: (() => void) | undefined;
  #connectedAt = Number.NEGATIVE_INFINITY;

  constructor(link: Link) {
    this.#link = link;
  }

  start(): void {
    this.#connectedAt = performance.now();
    this.#unwatch = this.#link.onChange((up) => {
      if (up) this.#connectedAt = performance.now();
    });
  }

  stop(): void {
    this.#unwatch?.();
  }

  /** Returns whether the broker delivers a message again that was refused before. */
  wasRefused(message: Incoming): boolean {
    if (this.#link.up && performance.now() - this.#connectedAt >= HANDOVER_MS) return false;
    const key = `${message.topic}\n${message.payload.toString("base64", 0, 256)}`;
    if (this.#refused.has(key)) return true;
    if (this.#refused.size >= MOST_REFUSED) this.#refused.clear();
    this.#refused.add(key);
    return false;
  }
}

/** Reads who sends a request, by the rule of `actuator.requester`. */
export class Requesters {
  readonly #topics: Topics;
  readonly #rule: "message" | "topic";

  constructor(topics: Topics, rule: "message" | "topic") {
    this.#topics = topics;
    this.#rule = rule;
  }

  /** Returns the filters to subscribe to for requests on `filters`: by the rule `topic` also those below `as/<user>/`. */
  filters(filters: readonly string[]): string[] {
    if (this.#rule === "message") return [...filters];
    return [...filters, ...filters.map((filter) => this.#topics.signed(filter, "+"))];
  }

  /**
   * Returns the request's topic without its signature, and the requester that the signature names. By the rule `topic` only a
   * signature counts: the requester that the message names is ignored, and an unsigned request may read, not write.
   */
  read(topic: string): {
    readonly topic: string;
    readonly terms: Pick<Command, "refusal"> & { requester?: string };
  } {
    if (this.#rule === "message") return { topic, terms: {} };
    const signed = this.#topics.parseSigned(topic);
    if (signed) return { topic: signed.topic, terms: { requester: signed.user } };
    const refusal = new RequesterError(
      `this bridge takes the requester from the topic (actuator.requester): send it to ${this.#topics.signed(topic, "<user>")}`,
    );
    return { topic, terms: { requester: "mqtt", refusal } };
  }
}

const LOOK_MS = 500;
/** Delay of a timer beyond which the process was stopped or blocked, not just busy. Milliseconds. */
const LATE_MS = 1000;
/** Maximum time to read the messages that came during a stall, in milliseconds. */
const CATCH_UP_MS = 1000;

/** On both clocks: the monotonic one stops while a machine sleeps, and the wall clock may be set back. */
interface Moment {
  readonly monotonic: number;
  readonly wall: number;
}

const moment = (): Moment => ({ monotonic: performance.now(), wall: Date.now() });
const since = (from: Moment, to: Moment): number =>
  Math.max(to.monotonic - from.monotonic, to.wall - from.wall);

/**
 * Measures how long a message that is read now may have waited in the socket: a process that was stopped, blocked or asleep
 * reads everything that came meanwhile at once, and a message does not carry the time of its arrival.
 */
export class StallWatch {
  #timer: NodeJS.Timeout | undefined;
  #lookedAt = moment();
  /** The last stall of the process. */
  #stall: { readonly from: Moment; readonly until: number } | undefined;

  start(): void {
    this.#lookedAt = moment();
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Milliseconds since the start of a stall that has just ended, else 0. */
  get stalledMs(): number {
    if (this.#timer) this.#look();
    const now = moment();
    return this.#stall && now.monotonic < this.#stall.until ? since(this.#stall.from, now) : 0;
  }

  #look(): void {
    const now = moment();
    if (since(this.#lookedAt, now) > LOOK_MS + LATE_MS)
      this.#stall = { from: this.#lookedAt, until: now.monotonic + CATCH_UP_MS };
    this.#lookedAt = now;
  }
}

import type { Command } from "../../devices/commands.ts";
import type { Incoming, Link } from "../broker/link.ts";
import type { CommandPayload } from "./command-payload.ts";

/** Something in the way before the request could be carried out; `kind` becomes the `type` of the answer. */
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

/** Who asks, and until when: the message's own word, and the expiry that the broker keeps (whichever is sooner). */
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

/** Retained messages whose refusal is remembered. */
const MOST_REFUSED = 1000;
/** A broker hands over what it kept for so long after a connect, or after the subscription where that came later. */
const HANDOVER_MS = 5000;

/** Remembers which retained messages were refused, so that the next connect does not repeat the answers. */
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

  /** Whether the broker hands over once more what was refused before. */
  wasRefused(message: Incoming): boolean {
    if (this.#link.up && performance.now() - this.#connectedAt >= HANDOVER_MS) return false;
    const key = `${message.topic}\n${message.payload.toString("base64", 0, 256)}`;
    if (this.#refused.has(key)) return true;
    if (this.#refused.size >= MOST_REFUSED) this.#refused.clear();
    this.#refused.add(key);
    return false;
  }
}

import type { Delivery } from "../broker/delivery.ts";
import type { Link, Message } from "../broker/link.ts";

const MOST = 1000;

/** Answers to commands of an earlier run: they are known before the broker is reached, and wait for it. */
export class LateAnswers {
  readonly #link: Link;
  readonly #delivery: Delivery;
  readonly #waiting: Message[] = [];
  #unwatch: (() => void) | undefined;

  constructor(link: Link, delivery: Delivery) {
    this.#link = link;
    this.#delivery = delivery;
  }

  start(): void {
    this.#unwatch = this.#link.onChange((up) => {
      if (up) for (const message of this.#waiting.splice(0)) void this.#delivery.send(message);
    });
  }

  stop(): void {
    this.#unwatch?.();
  }

  send(messages: readonly Message[]): void {
    if (this.#link.up) for (const message of messages) void this.#delivery.send(message);
    else this.#waiting.push(...messages.slice(0, MOST - this.#waiting.length));
  }
}

import type { Connection } from "./broker/connection.ts";
import type { Done, Link, Message, Subscription } from "./broker/link.ts";

/** A connection that is up only while the bridge speaks for its instance; another bridge of the same name does otherwise. */
export class Voice implements Link {
  readonly #link: Connection;
  readonly #listeners = new Set<(up: boolean) => void>();
  readonly #end: () => void;
  readonly #isSpeaking: () => boolean;
  #up = false;

  constructor(link: Connection, isSpeaking: () => boolean) {
    this.#link = link;
    this.#isSpeaking = isSpeaking;
    this.#end = link.onChange(() => this.#look());
  }

  get up(): boolean {
    return this.#link.up && this.#isSpeaking();
  }

  get protocolVersion(): 4 | 5 {
    return this.#link.protocolVersion;
  }

  /** The bridge speaks for its instance now, or does not any more. */
  async turned(): Promise<void> {
    if (this.up) await this.#link.announce();
    this.#look();
  }

  publish(message: Message): Promise<void> {
    return this.#link.publish(message);
  }

  post(message: Message, done: Done): void {
    this.#link.post(message, done);
  }

  subscribe(subscription: Subscription): () => void {
    return this.#link.subscribe(subscription);
  }

  onChange(listener: (up: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  stop(): void {
    this.#end();
  }

  #look(): void {
    const { up } = this;
    if (up === this.#up) return;
    this.#up = up;
    for (const listener of this.#listeners) listener(up);
  }
}

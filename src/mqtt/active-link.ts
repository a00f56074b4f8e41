import type { Connection } from "./broker/connection.ts";
import type { Done, Link, Message, Subscription } from "./broker/link.ts";

/** A connection that counts as up only while this bridge is the active one of its instance name. */
export class ActiveLink implements Link {
  readonly #link: Connection;
  readonly #listeners = new Set<(up: boolean) => void>();
  readonly #end: () => void;
  readonly #isActive: () => boolean;
  #up = false;

  constructor(link: Connection, isActive: () => boolean) {
    this.#link = link;
    this.#isActive = isActive;
    this.#end = link.onChange(() => this.#update());
  }

  get up(): boolean {
    return this.#link.up && this.#isActive();
  }

  get protocolVersion(): 4 | 5 {
    return this.#link.protocolVersion;
  }

  /** Call it when the bridge has become active or standby. */
  async roleChanged(): Promise<void> {
    if (this.up) await this.#link.announce();
    this.#update();
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

  #update(): void {
    const { up } = this;
    if (up === this.#up) return;
    this.#up = up;
    for (const listener of this.#listeners) listener(up);
  }
}

import type { Incoming } from "../broker/link.ts";

/** Messages that came, for whoever asks first. */
export class Mailbox {
  readonly #messages: Incoming[] = [];
  #wake: () => void = () => undefined;

  put(message: Incoming): void {
    this.#messages.push(message);
    this.#wake();
  }

  /** The first thing that `read` makes of a message, come or coming; undefined when `signal` is aborted first. */
  async find<T>(read: (message: Incoming) => T | undefined, signal: AbortSignal): Promise<T | undefined> {
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

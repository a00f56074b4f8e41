import { WriteRefusedError } from "../drivers/errors.ts";

/** So many writes may wait for one device. */
const LONGEST_QUEUE = 20;

interface Waiting {
  /** Of two with the same key, the later one counts. */
  readonly key: string;
  readonly run: () => Promise<void>;
  readonly refuse: (error: Error) => void;
}

/**
 * One write at a time for each device, in order of arrival. When too many wait, the oldest for the same point gives way
 * to the newest, so that in a storm the last value wins; where there is none, the newcomer is refused.
 */
export class WriteQueue {
  readonly #waiting = new Map<string, Waiting[]>();
  #closed = false;
  #idle: Promise<unknown> = Promise.resolve();

  run<T>(device: string, key: string, task: () => Promise<T>): Promise<T> {
    if (this.#closed)
      return Promise.reject(new WriteRefusedError("the bridge is stopping; nothing was sent"));
    const queue = this.#waiting.get(device);
    if (queue && queue.length >= LONGEST_QUEUE) {
      const oldest = queue.findIndex((waiting) => waiting.key === key);
      const text = `${LONGEST_QUEUE} writes wait for ${device} already`;
      if (oldest < 0) return Promise.reject(new WriteRefusedError(`${text}; nothing was sent`));
      queue
        .splice(oldest, 1)[0]!
        .refuse(new WriteRefusedError(`${text}, and a later one took the place of this; nothing was sent`));
    }
    return new Promise<T>((resolve, reject) => {
      const run = () => task().then(resolve, reject);
      const waiting = { key, run, refuse: reject };
      if (queue) return void queue.push(waiting);
      this.#waiting.set(device, [waiting]);
      this.#idle = Promise.all([this.#idle, this.#work(device)]);
    });
  }

  /** Refuses what waits and what comes; resolves when the writes under way have ended. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const queue of this.#waiting.values())
      for (const { refuse } of queue.splice(0))
        refuse(new WriteRefusedError("the bridge is stopping; nothing was sent"));
    await this.#idle;
  }

  async #work(device: string): Promise<void> {
    const queue = this.#waiting.get(device)!;
    for (let next = queue.shift(); next; next = queue.shift()) await next.run();
    this.#waiting.delete(device);
  }
}

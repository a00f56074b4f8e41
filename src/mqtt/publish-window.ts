import { type Done, LinkDownError, type Message } from "./link.ts";

/** Most messages sent and not yet acknowledged; flat above 64 (measured), so this has room for bursts. */
const WINDOW = 256;
/** Most that may wait for a place in the window. */
const WAITING_MESSAGES = 20_000;
const WAITING_BYTES = 16 * 1024 * 1024;

interface Entry {
  readonly message: Message;
  readonly size: number;
  /** When it was handed over, and again when it was sent. Milliseconds of `performance.now()`. */
  since: number;
  readonly done: Done;
}

export interface PublishWindowOptions {
  /** Most in flight that the broker takes (MQTT 5 Receive Maximum). */
  readonly receiveMaximum: number | undefined;
  readonly timeoutMs: number;
  /** Hands a message to the client; `done` is called when it is acknowledged, or with the error. */
  send(message: Message, done: Done): void;
  /** Around the messages of a turn, so that they leave in few writes. */
  cork(): void;
  uncork(): void;
  /** A message in flight was not acknowledged in time: the connection is of no use any more. */
  onStuck(): void;
}

/** Messages on their way over one connection: in order, a bounded number in flight, a bounded number waiting. */
export class PublishWindow {
  readonly #options: PublishWindowOptions;
  readonly #size: number;
  /** Both in the order of the calls. */
  readonly #waiting = new Set<Entry>();
  readonly #inFlight = new Set<Entry>();
  readonly #sweep: NodeJS.Timeout;
  #waitingBytes = 0;
  #refillDue = false;
  #closed: string | undefined;

  constructor(options: PublishWindowOptions) {
    this.#options = options;
    this.#size = Math.min(WINDOW, options.receiveMaximum ?? WINDOW);
    this.#sweep = setInterval(() => this.#giveUpLate(), Math.min(1000, options.timeoutMs / 3));
  }

  add(message: Message, size: number, done: Done): void {
    if (this.#closed !== undefined) {
      done(new LinkDownError(this.#closed));
      return;
    }
    if (this.#waiting.size >= WAITING_MESSAGES || this.#waitingBytes + size > WAITING_BYTES) {
      done(new LinkDownError("the broker is too slow: too many messages wait for it"));
      return;
    }
    this.#waiting.add({ message, size, since: performance.now(), done });
    this.#waitingBytes += size;
    this.#refill();
  }

  /** Brokers acknowledge in the order of the messages: the next acknowledgement is for this one. */
  rejectOldestAcknowledged(errorFor: (message: Message, size: number) => Error): void {
    const oldest = [...this.#inFlight].find((entry) => entry.message.qos > 0);
    if (oldest && this.#inFlight.delete(oldest)) oldest.done(errorFor(oldest.message, oldest.size));
  }

  /** Gives back everything that is not acknowledged. */
  close(reason: string): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    clearInterval(this.#sweep);
    const lost = [...this.#inFlight, ...this.#waiting];
    this.#inFlight.clear();
    this.#waiting.clear();
    const error = new LinkDownError(reason);
    for (const entry of lost) entry.done(error);
  }

  /** Once per turn of the event loop, so that the messages of a turn leave in few writes. */
  #refill(): void {
    if (this.#refillDue) return;
    this.#refillDue = true;
    setImmediate(() => {
      this.#refillDue = false;
      if (this.#waiting.size === 0 || this.#inFlight.size >= this.#size) return;
      const now = performance.now();
      this.#options.cork();
      for (const entry of this.#waiting) {
        if (this.#inFlight.size >= this.#size) break;
        this.#leaveQueue(entry);
        this.#inFlight.add(entry);
        entry.since = now;
        this.#options.send(entry.message, (error) => this.#done(entry, error));
      }
      this.#options.uncork();
    });
  }

  #done(entry: Entry, error: Error | undefined): void {
    if (!this.#inFlight.delete(entry)) return;
    this.#refill();
    entry.done(error);
  }

  #giveUpLate(): void {
    const latest = performance.now() - this.#options.timeoutMs;
    const [oldest] = this.#inFlight;
    if (oldest && oldest.since < latest) this.#options.onStuck();
    for (const entry of this.#waiting) {
      if (entry.since >= latest) return;
      this.#leaveQueue(entry);
      entry.done(new LinkDownError("the broker is too slow: the message waited too long"));
    }
  }

  #leaveQueue(entry: Entry): void {
    this.#waiting.delete(entry);
    this.#waitingBytes -= entry.size;
  }
}

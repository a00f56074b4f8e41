import { LinkDownError, type Message } from "./link.ts";

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
  resolve(): void;
  reject(error: Error): void;
}

export interface PublishWindowOptions {
  /** Most in flight that the broker takes (MQTT 5 Receive Maximum). */
  readonly receiveMaximum: number | undefined;
  readonly timeoutMs: number;
  /** Hands a message to the client; `done` is called when it is acknowledged, or with the error. */
  send(message: Message, done: (error?: Error) => void): void;
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

  add(message: Message, size: number): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(new LinkDownError(this.#closed));
    if (this.#waiting.size >= WAITING_MESSAGES || this.#waitingBytes + size > WAITING_BYTES)
      return Promise.reject(new LinkDownError("the broker is too slow: too many messages wait for it"));
    return new Promise((resolve, reject) => {
      this.#waiting.add({ message, size, since: performance.now(), resolve, reject });
      this.#waitingBytes += size;
      this.#refill();
    });
  }

  /** Brokers acknowledge in the order of the messages: the next acknowledgement is for this one. */
  rejectOldestAcknowledged(errorFor: (message: Message, size: number) => Error): void {
    const oldest = [...this.#inFlight].find((entry) => entry.message.qos > 0);
    if (oldest && this.#inFlight.delete(oldest)) oldest.reject(errorFor(oldest.message, oldest.size));
  }

  /** Gives back everything that is not acknowledged. */
  close(reason: string): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    clearInterval(this.#sweep);
    const lost = [...this.#inFlight, ...this.#waiting];
    this.#inFlight.clear();
    this.#waiting.clear();
    for (const entry of lost) entry.reject(new LinkDownError(reason));
  }

  /** Once per turn of the event loop, so that the messages of a turn leave in few writes. */
  #refill(): void {
    if (this.#refillDue) return;
    this.#refillDue = true;
    setImmediate(() => {
      this.#refillDue = false;
      for (const entry of this.#waiting) {
        if (this.#inFlight.size >= this.#size) return;
        this.#leaveQueue(entry);
        this.#inFlight.add(entry);
        entry.since = performance.now();
        this.#options.send(entry.message, (error) => this.#done(entry, error));
      }
    });
  }

  #done(entry: Entry, error: Error | undefined): void {
    if (!this.#inFlight.delete(entry)) return;
    if (error) entry.reject(error);
    else entry.resolve();
    this.#refill();
  }

  #giveUpLate(): void {
    const latest = performance.now() - this.#options.timeoutMs;
    const [oldest] = this.#inFlight;
    if (oldest && oldest.since < latest) this.#options.onStuck();
    for (const entry of this.#waiting) {
      if (entry.since >= latest) return;
      this.#leaveQueue(entry);
      entry.reject(new LinkDownError("the broker is too slow: the message waited too long"));
    }
  }

  #leaveQueue(entry: Entry): void {
    this.#waiting.delete(entry);
    this.#waitingBytes -= entry.size;
  }
}

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
  ended: boolean;
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

/**
 * Messages on their way over one connection: in order, a bounded number in flight, a bounded number waiting. Both are
 * arrays: a Set that entries pass through keeps the older ones alive in the tables that it left behind.
 */
export class PublishWindow {
  readonly #options: PublishWindowOptions;
  readonly #size: number;
  /** In the order of the calls; those before `#next` are gone. */
  #waiting: Entry[] = [];
  #next = 0;
  #waitingBytes = 0;
  /** In the order in which they were sent. Those that ended stay until the ones before them have. */
  #sent: Entry[] = [];
  #inFlight = 0;
  readonly #sweep: NodeJS.Timeout;
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
    if (this.#waitingMessages >= WAITING_MESSAGES || this.#waitingBytes + size > WAITING_BYTES) {
      done(new LinkDownError("the broker is too slow: too many messages wait for it"));
      return;
    }
    this.#waiting.push({ message, size, since: performance.now(), done, ended: false });
    this.#waitingBytes += size;
    this.#refill();
  }

  /** Brokers acknowledge in the order of the messages: the next acknowledgement is for this one. */
  rejectOldestAcknowledged(errorFor: (message: Message, size: number) => Error): void {
    const oldest = this.#sent.find((entry) => !entry.ended && entry.message.qos > 0);
    if (oldest) this.#done(oldest, errorFor(oldest.message, oldest.size));
  }

  /** Gives back everything that is not acknowledged. */
  close(reason: string): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    clearInterval(this.#sweep);
    const lost = [...this.#sent.filter(({ ended }) => !ended), ...this.#waiting.slice(this.#next)];
    this.#sent = [];
    this.#inFlight = 0;
    this.#waiting = [];
    this.#next = 0;
    const error = new LinkDownError(reason);
    for (const entry of lost) {
      entry.ended = true;
      entry.done(error);
    }
  }

  get #waitingMessages(): number {
    return this.#waiting.length - this.#next;
  }

  /** Once per turn of the event loop, so that the messages of a turn leave in few writes. */
  #refill(): void {
    if (this.#refillDue) return;
    this.#refillDue = true;
    setImmediate(() => {
      this.#refillDue = false;
      if (this.#waitingMessages === 0 || this.#inFlight >= this.#size) return;
      const now = performance.now();
      this.#options.cork();
      while (this.#waitingMessages > 0 && this.#inFlight < this.#size) {
        const entry = this.#leaveQueue();
        this.#sent.push(entry);
        this.#inFlight++;
        entry.since = now;
        this.#options.send(entry.message, (error) => this.#done(entry, error));
      }
      this.#options.uncork();
    });
  }

  #done(entry: Entry, error: Error | undefined): void {
    if (entry.ended) return;
    entry.ended = true;
    this.#inFlight--;
    while (this.#sent[0]?.ended) this.#sent.shift();
    this.#refill();
    entry.done(error);
  }

  #giveUpLate(): void {
    const latest = performance.now() - this.#options.timeoutMs;
    const [oldest] = this.#sent;
    if (oldest && oldest.since < latest) this.#options.onStuck();
    while (this.#waitingMessages > 0 && this.#waiting[this.#next]!.since < latest)
      this.#leaveQueue().done(new LinkDownError("the broker is too slow: the message waited too long"));
  }

  #leaveQueue(): Entry {
    const entry = this.#waiting[this.#next++]!;
    this.#waitingBytes -= entry.size;
    if (this.#next === this.#waiting.length || this.#next >= 1000) {
      this.#waiting.splice(0, this.#next);
      this.#next = 0;
    }
    return entry;
  }
}

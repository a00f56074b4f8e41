import { type Done, LinkDownError, type Message } from "./link.ts";

/** Most messages sent and not yet acknowledged; flat above 64 (measured), so this has room for bursts. */
const WINDOW = 256;
/** Most that may wait for a place in the window. */
const WAITING: WaitingLimits = { messages: 20_000, bytes: 16 * 1024 * 1024 };
/** Most of those that yield to the others. */
const YIELDING: WaitingLimits = { messages: 5000, bytes: 4 * 1024 * 1024 };

interface Entry {
  readonly message: Message;
  readonly size: number;
  /** When it was handed over, and again when it was sent. Milliseconds of `performance.now()`. */
  since: number;
  readonly done: Done;
  ended: boolean;
}

interface WaitingLimits {
  readonly messages: number;
  readonly bytes: number;
}

/** Messages that wait for a place in the window, in the order of the calls. */
class Waiting {
  readonly #limits: WaitingLimits;
  #entries: Entry[] = [];
  /** Those before it are gone. */
  #next = 0;
  #bytes = 0;

  constructor(limits: WaitingLimits) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#entries.length - this.#next;
  }

  get first(): Entry | undefined {
    return this.#entries[this.#next];
  }

  /** Returns false where there is no room. */
  add(entry: Entry): boolean {
    const { messages, bytes } = this.#limits;
    if (this.count >= messages || this.#bytes + entry.size > bytes) return false;
    this.#entries.push(entry);
    this.#bytes += entry.size;
    return true;
  }

  /** The first, which must be there. */
  take(): Entry {
    const entry = this.#entries[this.#next++]!;
    this.#bytes -= entry.size;
    if (this.#next === this.#entries.length || this.#next >= 1000) {
      this.#entries.splice(0, this.#next);
      this.#next = 0;
    }
    return entry;
  }

  takeAll(): Entry[] {
    const entries = this.#entries.slice(this.#next);
    this.#entries = [];
    this.#next = 0;
    this.#bytes = 0;
    return entries;
  }
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
 * Messages on their way over one connection: in order, a bounded number in flight, a bounded number waiting; a flood of
 * those that yield keeps no other waiting. They are kept in arrays: a Set that entries pass through keeps the older ones
 * alive in the tables that it left behind.
 */
export class PublishWindow {
  readonly #options: PublishWindowOptions;
  readonly #size: number;
  readonly #waiting = new Waiting(WAITING);
  readonly #yielding = new Waiting(YIELDING);
  /** In the order in which they were sent. Those that ended stay until the ones before them have. */
  #sent: Entry[] = [];
  #inFlight = 0;
  /** Of those in flight. */
  #yieldingInFlight = 0;
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
    const waiting = message.yields ? this.#yielding : this.#waiting;
    if (waiting.add({ message, size, since: performance.now(), done, ended: false })) this.#refill();
    else done(new LinkDownError("the broker is too slow: too many messages wait for it"));
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
    const sent = this.#sent.filter(({ ended }) => !ended);
    const lost = [...sent, ...this.#waiting.takeAll(), ...this.#yielding.takeAll()];
    this.#sent = [];
    this.#inFlight = 0;
    this.#yieldingInFlight = 0;
    const error = new LinkDownError(reason);
    for (const entry of lost) {
      entry.ended = true;
      entry.done(error);
    }
  }

  /** Where the next message for the window is, or undefined where none may enter. Half of the window is kept for those that do not yield. */
  get #nextFrom(): Waiting | undefined {
    if (this.#inFlight >= this.#size) return undefined;
    if (this.#waiting.count > 0) return this.#waiting;
    return this.#yielding.count > 0 && this.#yieldingInFlight < this.#size / 2 ? this.#yielding : undefined;
  }

  /** Once per turn of the event loop, so that the messages of a turn leave in few writes. */
  #refill(): void {
    if (this.#refillDue) return;
    this.#refillDue = true;
    setImmediate(() => {
      this.#refillDue = false;
      let from = this.#nextFrom;
      if (!from) return;
      const now = performance.now();
      this.#options.cork();
      for (; from; from = this.#nextFrom) {
        const entry = from.take();
        this.#sent.push(entry);
        this.#inFlight++;
        if (entry.message.yields) this.#yieldingInFlight++;
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
    if (entry.message.yields) this.#yieldingInFlight--;
    while (this.#sent[0]?.ended) this.#sent.shift();
    this.#refill();
    entry.done(error);
  }

  #giveUpLate(): void {
    const latest = performance.now() - this.#options.timeoutMs;
    const [oldest] = this.#sent;
    if (oldest && oldest.since < latest) this.#options.onStuck();
    for (const waiting of [this.#waiting, this.#yielding])
      while (waiting.first && waiting.first.since < latest)
        waiting.take().done(new LinkDownError("the broker is too slow: the message waited too long"));
  }
}

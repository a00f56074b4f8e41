import { type AnyMessage, type Done, LinkDownError } from "./link.ts";

/** Maximum number of messages in flight. Throughput is flat above 64 (measured); the rest is room for bursts. */
const WINDOW = 256;
/** Maximum number that wait for a place in the window. */
const WAITING: WaitingLimits = { messages: 20_000, bytes: 16 * 1024 * 1024 };
/** Maximum number of those that yield to the others. */
const YIELDING: WaitingLimits = { messages: 5000, bytes: 4 * 1024 * 1024 };

interface Entry {
  readonly message: AnyMessage;
  readonly size: number;
  /** Time when it was entered; from its sending on, time when it was sent. Milliseconds of `performance.now()`. */
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
  /** Index of the first entry that still waits. */
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

  /** Returns whether there was room. */
  add(entry: Entry): boolean {
    const { messages, bytes } = this.#limits;
    if (this.count >= messages || this.#bytes + entry.size > bytes) return false;
    this.#entries.push(entry);
    this.#bytes += entry.size;
    return true;
  }

  /** Removes and returns the first, which must exist. */
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
  /** Maximum number in flight that the broker takes (MQTT 5 Receive Maximum). */
  readonly receiveMaximum: number | undefined;
  readonly timeoutMs: number;
  /** Hands a message to the client; `done` is called when it is acknowledged, or with the error. */
  send(message: AnyMessage, done: Done): void;
  /** Called around the messages of a turn, so that they leave in few writes. */
  cork(): void;
  uncork(): void;
  /** Called when a message in flight was not acknowledged in time: the connection is unusable. */
  onStuck(): void;
}

/**
 * Messages of one connection, in order: a bounded number in flight, a bounded number waiting. Messages that yield do not
 * delay others. Entries are kept in arrays: those that pass through a Set stay reachable from the Set's discarded tables.
 */
export class PublishWindow {
  readonly #options: PublishWindowOptions;
  readonly #size: number;
  readonly #waiting = new Waiting(WAITING);
  readonly #yielding = new Waiting(YIELDING);
  /** In the order in which they were sent. Ended entries stay until the ones before them have ended. */
  #sent: Entry[] = [];
  #inFlight = 0;
  /** Number of yielding messages in flight. */
  #yieldingInFlight = 0;
  readonly #sweep: NodeJS.Timeout;
  #refillDue = false;
  #closed: string | undefined;

  constructor(options: PublishWindowOptions) {
    this.#options = options;
    this.#size = Math.min(WINDOW, options.receiveMaximum ?? WINDOW);
    this.#sweep = setInterval(() => this.#expireLate(), Math.min(1000, options.timeoutMs / 3));
  }

  add(message: AnyMessage, size: number, done: Done): void {
    if (this.#closed !== undefined) {
      done(new LinkDownError(this.#closed));
      return;
    }
    const waiting = message.yields ? this.#yielding : this.#waiting;
    if (waiting.add({ message, size, since: performance.now(), done, ended: false })) this.#refill();
    else done(new LinkDownError("the broker is too slow: too many messages wait for it"));
  }

  /** Ends the oldest message in flight with an error: brokers acknowledge in order, so its acknowledgement is the next. */
  rejectOldestAcknowledged(errorFor: (message: AnyMessage, size: number) => Error): void {
    const oldest = this.#sent.find((entry) => !entry.ended && entry.message.qos > 0);
    if (oldest) this.#done(oldest, errorFor(oldest.message, oldest.size));
  }

  /** Ends every message that is not acknowledged with a {@link LinkDownError}. */
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

  /** Queue of the next message for the window; undefined where none may enter. Yielding messages take at most half of it. */
  get #nextFrom(): Waiting | undefined {
    if (this.#inFlight >= this.#size) return undefined;
    if (this.#waiting.count > 0) return this.#waiting;
    return this.#yielding.count > 0 && this.#yieldingInFlight < this.#size / 2 ? this.#yielding : undefined;
  }

  /** Fills the window once per turn of the event loop, so that the messages of a turn leave in few writes. */
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

  #expireLate(): void {
    const latest = performance.now() - this.#options.timeoutMs;
    const [oldest] = this.#sent;
    if (oldest && oldest.since < latest) this.#options.onStuck();
    for (const waiting of [this.#waiting, this.#yielding])
      while (waiting.first && waiting.first.since < latest)
        waiting.take().done(new LinkDownError("the broker is too slow: the message waited too long"));
  }
}

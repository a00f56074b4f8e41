import { HttpError } from "../../../../net/http.ts";

/** Bytes of an answer that are taken, and parsed, whatever else is under way: those of a station or a few. */
const FREE_BYTES = 16 * 1024;
/** Bytes of all larger answers together. The one that has been read for longest may exceed it, so that one always goes on. */
const SHARED_BYTES = 4 * 1024 * 1024;
/** Bytes that a larger answer reserves at first; as it grows, twice as many each time. */
const FIRST_SHARE_BYTES = 256 * 1024;
/** Time after which a waiting answer goes before smaller ones, milliseconds. */
const LONG_WAIT_MS = 1000;
/** Time for which larger answers may hold up the event loop in one go, milliseconds. */
const BURST_MS = 60;
/** Time that it takes to receive a megabyte, about, milliseconds. */
const RECEIVE_MS_PER_MB = 1;
const MB = 1024 * 1024;

/**
 * Memory and time of the process that answers may take while they are read, shared by all accounts: however many services
 * send too much at the same time, memory stays bounded and small answers are read on time. Answers of more than
 * {@link FREE_BYTES} wait until others are done, the smallest first unless one has waited for long, and take half of the
 * event loop's time at most.
 */
export class AnswerBudget {
  readonly #now: () => number;
  readonly #sharedBytes: number;
  /** Those that have reserved room, the oldest first. */
  readonly #large = new Set<AnswerShare>();
  /** With the time since when each waits, the oldest first. */
  readonly #waiting = new Map<AnswerShare, number>();
  #reserved = 0;
  /** The time already used, and as much again, have passed then. */
  #restUntil = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: { readonly now?: () => number; readonly sharedBytes?: number } = {}) {
    this.#now = options.now ?? (() => performance.now());
    this.#sharedBytes = options.sharedBytes ?? SHARED_BYTES;
  }

  /** For one answer; it has to be closed. */
  share(): AnswerShare {
    return new AnswerShare(this);
  }

  /** Whether the share may have so many bytes. */
  reserve(share: AnswerShare, bytes: number): boolean {
    const more = bytes - share.reserved;
    if (more <= 0) return true;
    if (share.reserved === 0 && this.#isBusy()) return false;
    const [oldest = share] = this.#large;
    if (oldest !== share && this.#reserved + more > this.#sharedBytes) return false;
    this.#large.add(share);
    this.#reserved += more;
    share.reserved = bytes;
    return true;
  }

  /** Whether a share of more than a small answer may be parsed now. */
  mayParse(): boolean {
    return !this.#isBusy();
  }

  wait(share: AnswerShare): void {
    this.#waiting.set(share, this.#now());
    this.#wakeLater();
  }

  used(ms: number): void {
    this.#restUntil = Math.max(this.#restUntil, this.#now() - ms) + 2 * ms;
  }

  close(share: AnswerShare): void {
    this.#waiting.delete(share);
    if (this.#large.delete(share)) {
      this.#reserved -= share.reserved;
      this.used((share.bytes / MB) * RECEIVE_MS_PER_MB);
    }
    if (this.#waiting.size > 0) this.#wake();
  }

  #isBusy(): boolean {
    return this.#restUntil - this.#now() > BURST_MS;
  }

  #wake(): void {
    for (const share of this.#inTurn()) {
      if (this.#isBusy()) break;
      if (!share.retry()) continue;
      this.#waiting.delete(share);
      // How long it takes is known when it is closed.
      if (share.isParsing) return;
    }
    this.#wakeLater();
  }

  /** Those that have waited for long, the oldest first; then the others, the smallest first. */
  #inTurn(): AnswerShare[] {
    const longSince = this.#now() - LONG_WAIT_MS;
    const rank = ([share, since]: [AnswerShare, number]) => (since <= longSince ? 0 : share.bytes);
    return [...this.#waiting].sort((a, b) => rank(a) - rank(b)).map(([share]) => share);
  }

  /** Where others hold the room, their end wakes those that wait. */
  #wakeLater(): void {
    if (this.#timer || this.#waiting.size === 0) return;
    if (this.#large.size > 0 && !this.#isBusy()) return;
    const ms = this.#restUntil - this.#now() - BURST_MS;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#wake();
      },
      Math.max(1, ms),
    );
  }
}

/** What one answer takes of the budget. */
export class AnswerShare {
  readonly #budget: AnswerBudget;
  bytes = 0;
  reserved = 0;
  readonly #bodies: BodyBytes[] = [];
  #proceed: (() => void) | undefined;
  /** Whether all of it is there. */
  isParsing = false;

  constructor(budget: AnswerBudget) {
    this.#budget = budget;
  }

  /** Memory for a body of the answer, packed or not; given back when the share is closed. */
  newBody(): BodyBytes {
    const body = new BodyBytes();
    this.#bodies.push(body);
    return body;
  }

  /** Counts what has come. False: nothing more is to come until `proceed` is called. */
  take(bytes: number, proceed: () => void): boolean {
    this.bytes += bytes;
    if (this.bytes <= FREE_BYTES || this.#reserve()) return true;
    this.#proceed = proceed;
    this.#budget.wait(this);
    return false;
  }

  /** Waits for room before a packed answer is unpacked, which may be much larger. @throws HttpError */
  async beforeUnpacking(signal: AbortSignal): Promise<void> {
    if (this.reserved > 0 || this.#reserve()) return;
    await this.#turn(signal);
  }

  /** Parses the answer, a large one in its turn. @throws HttpError, and what `parse` throws */
  async parse<T>(signal: AbortSignal, parse: () => T): Promise<T> {
    if (this.bytes <= FREE_BYTES) return parse();
    this.isParsing = true;
    if (!this.#budget.mayParse()) await this.#turn(signal);
    const begun = performance.now();
    try {
      return parse();
    } finally {
      this.#budget.used(performance.now() - begun);
    }
  }

  /** The answer has been read, or given up. */
  close(): void {
    this.#proceed = undefined;
    for (const body of this.#bodies) body.free();
    this.#budget.close(this);
  }

  /** Whether it could go on. */
  retry(): boolean {
    if (!(this.isParsing ? this.#budget.mayParse() : this.#reserve())) return false;
    const proceed = this.#proceed;
    this.#proceed = undefined;
    proceed?.();
    return true;
  }

  #reserve(): boolean {
    let room = Math.max(this.reserved, FIRST_SHARE_BYTES);
    while (room < this.bytes) room *= 2;
    return this.#budget.reserve(this, room);
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(new HttpError("aborted", true, signal.reason));
      if (signal.aborted) return abort();
      signal.addEventListener("abort", abort, { once: true });
      this.#proceed = () => {
        signal.removeEventListener("abort", abort);
        resolve();
      };
      this.#budget.wait(this);
    });
  }
}

/** All answers of the process. */
export const answerBudget = new AnswerBudget();

/** Most answers fit; larger ones grow by doubling, and from a megabyte on by a megabyte. */
const FIRST_BYTES = 16 * 1024;
const STEP_BYTES = 1024 * 1024;

/**
 * Bytes of a body that is still coming, in one piece of memory that is given back at once by `free`. Chunks that are kept
 * until all have come outlive V8's young generation, and then wait, megabytes of them, until it collects all objects.
 */
export class BodyBytes {
  #memory = new ArrayBuffer(0);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(chunk: Uint8Array): void {
    const size = this.#size + chunk.byteLength;
    if (size > this.#memory.byteLength) {
      let room = Math.max(FIRST_BYTES, this.#memory.byteLength);
      while (room < size) room += Math.min(room, STEP_BYTES);
      this.#memory = this.#memory.transfer(room);
    }
    new Uint8Array(this.#memory).set(chunk, this.#size);
    this.#size = size;
  }

  /** What has come, until the next `add` or `free`. */
  view(): Buffer {
    return Buffer.from(this.#memory, 0, this.#size);
  }

  free(): void {
    this.#memory = this.#memory.transfer(0);
    this.#size = 0;
  }
}

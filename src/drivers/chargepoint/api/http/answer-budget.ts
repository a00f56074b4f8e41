import { HttpError } from "../../../../net/http.ts";

/** Size up to which an answer is received and parsed regardless of others: the answer for one or a few stations. */
const FREE_BYTES = 16 * 1024;
/** Memory for all larger answers together. The oldest of them may exceed it, so that one always makes progress. */
const SHARED_BYTES = 4 * 1024 * 1024;
/** First reservation of a larger answer; it doubles as the answer grows. */
const FIRST_SHARE_BYTES = 256 * 1024;
/** Time after which a waiting answer goes before smaller ones, in milliseconds. */
const LONG_WAIT_MS = 1000;
/** Maximum time for which larger answers may block the event loop in one go, in milliseconds. */
const BURST_MS = 60;
/** Approximate time to receive a megabyte, in milliseconds. */
const RECEIVE_MS_PER_MB = 1;
const MB = 1024 * 1024;

/**
 * Limits the memory and time that reading answers takes, shared by all accounts: memory stays bounded and small answers are
 * read on time, however many services send too much at once. Answers of more than {@link FREE_BYTES} wait for others to
 * finish, the smallest first unless one has waited for long, and take at most half of the event loop's time.
 */
export class AnswerBudget {
  readonly #now: () => number;
  readonly #sharedBytes: number;
  /** Shares with a reservation, the oldest first. */
  readonly #large = new Set<AnswerShare>();
  /** Waiting shares and since when they wait, the oldest first. */
  readonly #waiting = new Map<AnswerShare, number>();
  #reserved = 0;
  /** Larger answers are not parsed before this time, so that they take at most half of the event loop's time. */
  #restUntil = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: { readonly now?: () => number; readonly sharedBytes?: number } = {}) {
    this.#now = options.now ?? (() => performance.now());
    this.#sharedBytes = options.sharedBytes ?? SHARED_BYTES;
  }

  /** Returns the share of one answer; it must be closed. */
  share(): AnswerShare {
    return new AnswerShare(this);
  }

  /** Returns whether the share may use that many bytes. */
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

  /** Returns whether a large answer may be parsed now. */
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
      // The duration is known when it is closed.
      if (share.isParsing) return;
    }
    this.#wakeLater();
  }

  /**
   * Returns the waiting shares in order: those that have waited for long, the oldest first; then the others, the smallest
   * first.
   */
  #inTurn(): AnswerShare[] {
    const longSince = this.#now() - LONG_WAIT_MS;
    const rank = ([share, since]: [AnswerShare, number]) => (since <= longSince ? 0 : share.bytes);
    return [...this.#waiting].sort((a, b) => rank(a) - rank(b)).map(([share]) => share);
  }

  /** Where other shares hold the memory, closing them wakes the waiting ones. */
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

/** The share of one answer in the budget. */
export class AnswerShare {
  readonly #budget: AnswerBudget;
  bytes = 0;
  reserved = 0;
  readonly #bodies: BodyBytes[] = [];
  #proceed: (() => void) | undefined;
  /** Whether all of the answer was received. */
  isParsing = false;

  constructor(budget: AnswerBudget) {
    this.#budget = budget;
  }

  /** Returns memory for a body of the answer, compressed or not; released when the share is closed. */
  newBody(): BodyBytes {
    const body = new BodyBytes();
    this.#bodies.push(body);
    return body;
  }

  /** Counts received bytes. Returns false where no more may be received until `proceed` is called. */
  take(bytes: number, proceed: () => void): boolean {
    this.bytes += bytes;
    if (this.bytes <= FREE_BYTES || this.#reserve()) return true;
    this.#proceed = proceed;
    this.#budget.wait(this);
    return false;
  }

  /** Waits for memory before a compressed answer is decompressed, which may be much larger. @throws HttpError */
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

  /** Ends the share once the answer was read or abandoned. */
  close(): void {
    this.#proceed = undefined;
    for (const body of this.#bodies) body.free();
    this.#budget.close(this);
  }

  /** Returns whether it could continue. */
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

/** The budget of all answers of the process. */
export const answerBudget = new AnswerBudget();

/** First size of a body, which fits most answers; larger ones grow by doubling, from a megabyte on by a megabyte. */
const FIRST_BYTES = 16 * 1024;
const STEP_BYTES = 1024 * 1024;

/**
 * Bytes of a body that is still being received, in one block of memory that `free` releases at once. Chunks kept until all
 * have arrived would outlive V8's young generation, and megabytes of them would then wait for a full collection.
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

  /** Returns the received bytes; valid until the next `add` or `free`. */
  view(): Buffer {
    return Buffer.from(this.#memory, 0, this.#size);
  }

  free(): void {
    this.#memory = this.#memory.transfer(0);
    this.#size = 0;
  }
}

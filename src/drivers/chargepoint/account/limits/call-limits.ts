import { type Clock, secondsOn } from "../../../../time/clock.ts";

/** Too many calls are waiting to be sent in time. Nothing was sent. */
export class AccountBusyError extends Error {
  override readonly name = "AccountBusyError";
}

export interface CallLimitsOptions {
  readonly inFlight: number;
  readonly perMinute: number;
  readonly clock: Clock;
}

export interface CallPlace {
  readonly write: boolean;
  /** Reads of different lanes take turns, so that many reads of one lane do not delay the others. */
  readonly lane: string;
  readonly signal: AbortSignal;
}

interface Waiting {
  readonly sinceSeconds: number;
  start(): void;
  refuse(error: Error): void;
}

/** Maximum number of waiting reads. At the default rate the last of them waits for longer than any scrape does. */
const MAX_WAITING = 1000;
const LONGEST_WAIT_SECONDS = 60;
/** Share of the calls per minute reserved for writes. */
const KEPT_FOR_WRITES = 0.1;
const WINDOW_SECONDS = 60;

/**
 * Limits the concurrent calls and the calls per minute of an account. Writes go first, and a part of both limits is
 * reserved for them. Aborting `signal` removes a waiting call.
 */
export class CallLimits {
  readonly #options: CallLimitsOptions;
  readonly #writes: Waiting[] = [];
  readonly #lanes = new Map<string, Waiting[]>();
  /** Start times of the calls of the last minute, oldest first. */
  readonly #begun: number[] = [];
  #waiting = 0;
  #reading = 0;
  #writing = 0;
  #cancelWake: (() => void) | undefined;

  constructor(options: CallLimitsOptions) {
    this.#options = options;
  }

  /** Whether reads wait because the calls of the last minute are used up, not for the answers of others. */
  get isUsedUp(): boolean {
    const oldest = secondsOn(this.#options.clock) - WINDOW_SECONDS;
    return this.#waiting > 0 && this.#begun.filter((at) => at > oldest).length >= this.#readsPerMinute;
  }

  /** Runs `call` when its turn comes. @throws AccountBusyError where that would take too long; the signal's reason */
  async run<T>({ write, lane, signal }: CallPlace, call: () => Promise<T>): Promise<T> {
    await this.#turn(write, lane, signal);
    try {
      return await call();
    } finally {
      if (write) this.#writing -= 1;
      else this.#reading -= 1;
      this.#pump();
    }
  }

  #turn(write: boolean, lane: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!write && this.#waiting >= MAX_WAITING) return Promise.reject(this.#busy());
    const line = write ? this.#writes : (this.#lanes.get(lane) ?? []);
    if (!write) this.#lanes.set(lane, line);
    let waiting: Waiting;
    const turn = new Promise<void>((start, refuse) => {
      waiting = { sinceSeconds: secondsOn(this.#options.clock), start, refuse };
      line.push(waiting);
      if (!write) this.#waiting += 1;
    });
    const leave = () => this.#leave(write, lane, line, waiting, signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    void turn.catch(() => undefined).finally(() => signal.removeEventListener("abort", leave));
    this.#pump();
    return turn;
  }

  #leave(write: boolean, lane: string, line: Waiting[], waiting: Waiting, reason: Error): void {
    const at = line.indexOf(waiting);
    if (at < 0) return;
    line.splice(at, 1);
    if (!write) this.#waiting -= 1;
    if (!write && line.length === 0) this.#lanes.delete(lane);
    waiting.refuse(reason);
    this.#wakeWhenOneMayGo();
  }

  /** Starts the calls that the limits allow. */
  #pump(): void {
    const now = secondsOn(this.#options.clock);
    while (this.#begun.length > 0 && now - this.#begun[0]! >= WINDOW_SECONDS) this.#begun.shift();
    while (this.#writes.length > 0 && this.#mayWrite()) {
      this.#writing += 1;
      this.#begun.push(now);
      this.#writes.shift()!.start();
    }
    while (this.#waiting > 0 && this.#mayRead()) {
      const next = this.#nextRead();
      if (now - next.sinceSeconds > LONGEST_WAIT_SECONDS) {
        next.refuse(this.#busy());
        continue;
      }
      this.#reading += 1;
      this.#begun.push(now);
      next.start();
    }
    this.#wakeWhenOneMayGo();
  }

  #mayWrite(): boolean {
    const { inFlight, perMinute } = this.#options;
    return this.#reading + this.#writing < inFlight && this.#begun.length < perMinute;
  }

  #mayRead(): boolean {
    const { inFlight } = this.#options;
    if (this.#writes.length > 0) return false;
    const isFree = this.#reading + this.#writing < Math.max(1, inFlight - 1);
    return isFree && this.#begun.length < this.#readsPerMinute;
  }

  get #readsPerMinute(): number {
    const { perMinute } = this.#options;
    return perMinute - Math.min(Math.ceil(perMinute * KEPT_FOR_WRITES), perMinute - 1);
  }

  /** Takes the next read, lane by lane. */
  #nextRead(): Waiting {
    const [lane, line] = this.#lanes.entries().next().value!;
    const waiting = line.shift()!;
    this.#lanes.delete(lane);
    if (line.length > 0) this.#lanes.set(lane, line);
    this.#waiting -= 1;
    return waiting;
  }

  /** No timer is set without a waiting call, so that the process can end. */
  #wakeWhenOneMayGo(): void {
    if (this.#waiting + this.#writes.length === 0) {
      this.#cancelWake?.();
      this.#cancelWake = undefined;
    } else if (this.#begun.length > 0 && !this.#cancelWake) {
      const { clock } = this.#options;
      const seconds = Math.max(0.01, this.#begun[0]! + WINDOW_SECONDS - secondsOn(clock));
      this.#cancelWake = clock.after(seconds * 1000, () => {
        this.#cancelWake = undefined;
        this.#pump();
      });
    }
  }

  #busy(): AccountBusyError {
    const { perMinute } = this.#options;
    return new AccountBusyError(
      `not asked: too many calls are waiting (calls_per_minute is ${perMinute}); put the stations into station groups, scrape them less often, or raise calls_per_minute (voltbridge plan shows what is needed)`,
    );
  }
}

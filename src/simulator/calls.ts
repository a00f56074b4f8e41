/** A request that named an operation, and how it was answered. */
export interface Call {
  /** In the simulated world, milliseconds since 1970. */
  readonly at: number;
  readonly operation: string;
  /** Its values as the description reads them. */
  readonly request: unknown;
  /** Response code, `ok` where an answer has none, or what came instead: `fault:Client`, `status:503`, `hang`. */
  readonly outcome: string;
  /** Whether the whole answer went out. */
  completed: boolean;
}

const MOST = 20_000;

/** The latest requests, oldest first. */
export class CallLog {
  readonly #calls: Call[] = [];

  get calls(): readonly Call[] {
    return this.#calls;
  }

  add(call: Call): Call {
    this.#calls.push(call);
    if (this.#calls.length > MOST) this.#calls.splice(0, MOST / 10);
    return call;
  }
}

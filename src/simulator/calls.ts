/** A request in a sound envelope, and how it was answered. */
export interface Call {
  /** In the simulated world, milliseconds since 1970. */
  readonly at: number;
  /** Name of the element in the Body; empty where there is none. */
  readonly operation: string;
  /** Its values as the description reads them; null where it was refused before that. */
  readonly request: unknown;
  /** Response code, `ok` where an answer has none, or what came instead: `fault:FailedAuthentication`, `status:503`, `hang`. */
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

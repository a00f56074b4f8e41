import type { EffectKind } from "./trouble/effect.ts";

/** A request in a valid envelope, and how it was answered. */
export interface Call {
  /** Consecutive number, from 1. */
  readonly number: number;
  /** In the simulated world, milliseconds since 1970. */
  readonly at: number;
  /** On the machine's own clock, milliseconds since 1970. */
  readonly receivedAt: number;
  /** User name; null where the credentials were refused. */
  readonly account: string | null;
  /** User-Agent of the request; null where it has none. */
  readonly client: string | null;
  /** Name of the element in the Body; empty where there is none. */
  readonly operation: string;
  /** Whether the operation writes; null for an unknown one. */
  readonly effect: "read" | "write" | null;
  /** Its values as the description reads them; null where it was refused before that. */
  readonly request: unknown;
  /**
   * Response code, `ok` where an answer has none, or the reply in its place: `fault:FailedAuthentication`, `status:503`,
   * `hang`. A write with outcome 100 took effect, whether its answer arrived or not.
   */
  readonly outcome: string;
  /** Troubles that affected it. */
  readonly trouble: readonly EffectKind[];
  /** Serials in its answer, in the order of its `portLoad` elements; null where it has none. */
  readonly serials: { readonly first: number; readonly last: number } | null;
  /** Whether the complete answer was sent, and intact. */
  completed: boolean;
}

const MOST = 20_000;

/** The latest requests, oldest first. */
export class CallLog {
  #calls: Call[] = [];
  #added = 0;

  get calls(): readonly Call[] {
    return this.#calls;
  }

  add(call: Omit<Call, "number" | "completed">): Call {
    const numbered = { number: ++this.#added, ...call, completed: false };
    this.#calls.push(numbered);
    if (this.#calls.length > MOST) this.#calls.splice(0, MOST / 10);
    return numbered;
  }

  /** Forgets the calls; numbers continue. Returns how many there were. */
  clear(): number {
    const count = this.#calls.length;
    this.#calls = [];
    return count;
  }
}

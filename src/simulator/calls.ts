import type { EffectKind } from "./trouble/effect.ts";

/** A request in a sound envelope, and how it was answered. */
export interface Call {
  /** From 1, without gaps. */
  readonly number: number;
  /** In the simulated world, milliseconds since 1970. */
  readonly at: number;
  /** By the machine's own clock, milliseconds since 1970. */
  readonly receivedAt: number;
  /** User name; null where the credentials were refused. */
  readonly account: string | null;
  /** Name of the element in the Body; empty where there is none. */
  readonly operation: string;
  /** Whether the operation writes; null for one that does not exist. */
  readonly effect: "read" | "write" | null;
  /** Its values as the description reads them; null where it was refused before that. */
  readonly request: unknown;
  /**
   * Response code, `ok` where an answer has none, or what came instead: `fault:FailedAuthentication`, `status:503`,
   * `hang`. A write whose outcome is 100 took effect, whatever became of its answer.
   */
  readonly outcome: string;
  /** Troubles that hit it. */
  readonly trouble: readonly EffectKind[];
  /** Serials that its answer carries, in the order of its `portLoad` elements; null where it carries none. */
  readonly serials: { readonly first: number; readonly last: number } | null;
  /** Whether the whole answer went out, and sound. */
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

  /** Forgets them; numbers go on. Tells how many there were. */
  clear(): number {
    const count = this.#calls.length;
    this.#calls = [];
    return count;
  }
}

import type { AnswerKind } from "../answers.ts";
import type { Waiter } from "./station-answers.ts";

/** Stands in for a waiter that does not wait for ever: what comes after the first outcome counts for nothing. */
export class Patience implements Waiter {
  #waiter: Waiter | undefined;
  #cancel: (() => void) | undefined;

  constructor(waiter: Waiter) {
    this.#waiter = waiter;
  }

  /** `cancel` is called as soon as there is an outcome. */
  ends(cancel: () => void): void {
    this.#cancel = cancel;
  }

  answered(kind: AnswerKind, answer: unknown, atSeconds: number): void {
    this.#end()?.answered(kind, answer, atSeconds);
  }

  failed(kind: AnswerKind, error: unknown): void {
    this.#end()?.failed(kind, error);
  }

  #end(): Waiter | undefined {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    this.#cancel?.();
    return waiter;
  }
}

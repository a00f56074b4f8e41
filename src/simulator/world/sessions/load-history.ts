import type { Stretch } from "./curve.ts";

const FIELDS = 4;

/**
 * The stretches of a session's load, oldest first. They are kept as plain numbers, field after field: there are
 * hundreds of thousands of sessions, and an object for each stretch is three times as large.
 */
export class LoadHistory {
  #fields: number[] = [];

  get length(): number {
    return this.#fields.length / FIELDS;
  }

  at(index: number): Stretch {
    const fields = this.#fields;
    const at = index * FIELDS;
    return { from: fields[at]!, kw: fields[at + 1]!, decayPerHour: fields[at + 2]!, kwh: fields[at + 3]! };
  }

  get last(): Stretch {
    return this.at(this.length - 1);
  }

  /** The one in which a time lies; the first where it lies before all. */
  during(time: number): Stretch {
    let index = this.length - 1;
    while (index > 0 && this.#fields[index * FIELDS]! > time) index--;
    return this.at(index);
  }

  /** One that begins when the last one began takes its place. */
  add({ from, kw, decayPerHour, kwh }: Stretch): void {
    const last = this.#fields.length - FIELDS;
    if (last >= 0 && this.#fields[last] === from) this.#fields.length = last;
    this.#fields.push(from, kw, decayPerHour, kwh);
  }

  /** Gives back the room kept for more. */
  close(): void {
    this.#fields = this.#fields.slice();
  }
}

import type { Stretch } from "./curve.ts";

const FIELDS = 4;

/**
 * The sections of a session's load, oldest first, kept as plain numbers, field after field: there are hundreds of thousands
 * of sessions, and an object for each section would be three times as large.
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

  /** Returns the section that contains a time; the first where it is before all. */
  during(time: number): Stretch {
    let index = this.length - 1;
    while (index > 0 && this.#fields[index * FIELDS]! > time) index--;
    return this.at(index);
  }

  /** Adds a section; one that begins when the last one began replaces it. */
  add({ from, kw, decayPerHour, kwh }: Stretch): void {
    const last = this.#fields.length - FIELDS;
    if (last >= 0 && this.#fields[last] === from) this.#fields.length = last;
    this.#fields.push(from, kw, decayPerHour, kwh);
  }

  /** Releases the memory reserved for more. */
  close(): void {
    this.#fields = this.#fields.slice();
  }
}

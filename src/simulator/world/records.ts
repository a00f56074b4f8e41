import type { Session } from "./session.ts";

/** Something that went wrong, or right again, at a station or one of its ports. */
export interface Alarm {
  readonly stationID: string;
  /** Null: the alarm is the station's. */
  readonly portNumber: string | null;
  readonly type: string;
  readonly at: number;
}

/** Keeps the newest, oldest first; drops the oldest in batches when there are too many. */
export class Chronicle<T> {
  #entries: T[] = [];
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  get entries(): readonly T[] {
    return this.#entries;
  }

  add(entry: T): void {
    this.#entries.push(entry);
    if (this.#entries.length > this.#most * 1.1) this.#entries = this.#entries.slice(-this.#most);
  }

  /** Removes what `matches`; tells how many. */
  remove(matches: (entry: T) => boolean): number {
    const before = this.#entries.length;
    this.#entries = this.#entries.filter((entry) => !matches(entry));
    return before - this.#entries.length;
  }
}

/** Sessions by number, by time, and in the order in which they started, those under way among them. */
export class SessionBook extends Chronicle<Session> {
  /** Sessions are numbered one by one, so the place follows from the number. */
  find(id: number): Session | undefined {
    const first = this.entries[0];
    return first === undefined ? undefined : this.entries[id - first.id];
  }

  /** Those that started at or after a time. */
  since(time: number): readonly Session[] {
    let low = 0;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.entries[middle]!.startedAt < time) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? this.entries : this.entries.slice(low);
  }
}

import type { Session } from "../sessions/session.ts";

/** A failure, or its end, at a station or one of its ports. */
export interface Alarm {
  readonly stationID: string;
  /** Null: the alarm is the station's. */
  readonly portNumber: string | null;
  readonly type: string;
  readonly at: number;
}

/** Keeps the newest entries, oldest first; drops the oldest in batches when there are too many. */
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

  /** Removes what `matches`; returns how many. */
  remove(matches: (entry: T) => boolean): number {
    const before = this.#entries.length;
    this.#entries = this.#entries.filter((entry) => !matches(entry));
    return before - this.#entries.length;
  }
}

/**
 * Sessions by number, by time, by station, and in the order in which they started, including active ones. Keeps the newest,
 * and all active ones.
 */
export class SessionBook {
  #entries: Session[] = [];
  readonly #most: number;
  readonly #byStation = new Map<string, Session[]>();

  constructor(most: number) {
    this.#most = most;
  }

  get entries(): readonly Session[] {
    return this.#entries;
  }

  add(session: Session): void {
    this.#entries.push(session);
    const own = this.#byStation.get(session.stationID);
    if (own) own.push(session);
    else this.#byStation.set(session.stationID, [session]);
    if (this.#entries.length > this.#most * 1.1) this.#forget(this.#entries.length - this.#most);
  }

  find(id: number): Session | undefined {
    const session = this.#entries[firstFrom(this.#entries, id, (entry) => entry.id)];
    return session?.id === id ? session : undefined;
  }

  /** Those of a station. */
  of(stationID: string): readonly Session[] {
    return this.#byStation.get(stationID) ?? [];
  }

  /** Those that started at or after a time. */
  since(time: number): readonly Session[] {
    return since(this.#entries, time, (session) => session.startedAt);
  }

  #forget(count: number): void {
    let left = count;
    this.#entries = this.#entries.filter((session) => {
      if (left === 0 || session.endedAt === null) return true;
      left--;
      const own = this.#byStation.get(session.stationID)!;
      own.splice(own.indexOf(session), 1);
      return false;
    });
  }
}

/** Sessions that were settled, by number and by time, in the order in which they ended. */
export class TransactionBook {
  readonly #chronicle: Chronicle<Session>;
  #next: number;

  constructor(most: number, first: number) {
    this.#chronicle = new Chronicle(most);
    this.#next = first;
  }

  get entries(): readonly Session[] {
    return this.#chronicle.entries;
  }

  /** Gives the session the number of its transaction. */
  add(session: Session): void {
    session.transactionID = this.#next++;
    this.#chronicle.add(session);
  }

  find(id: number): Session | undefined {
    const first = this.entries[0]?.transactionID;
    return first === undefined || first === null ? undefined : this.entries[id - first];
  }

  /** Those that ended at or after a time. */
  since(time: number): readonly Session[] {
    return since(this.entries, time, (session) => session.endedAt!);
  }
}

/** The end of a list in the order of time, from `time` on. */
function since<T>(list: readonly T[], time: number, timeOf: (entry: T) => number): readonly T[] {
  const first = firstFrom(list, time, timeOf);
  return first === 0 ? list : list.slice(first);
}

/** Index of the first entry whose key is at least `key`, in a list in the order of keys. */
function firstFrom<T>(list: readonly T[], key: number, keyOf: (entry: T) => number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keyOf(list[middle]!) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

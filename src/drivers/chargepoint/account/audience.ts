import type { Round, SharedReads } from "./shared-reads.ts";

/** A station that is read round after round. */
interface Member {
  readonly round: Round;
  readonly intervalSeconds: number;
  readonly maxAgeSeconds: number;
  /** When it is expected to be asked for. */
  readonly dueSeconds: number;
}

/** So many intervals without a question, and a station is no longer counted on: its device is gone. */
const SILENT_INTERVALS = 3;

/** Stations by the order in which they will be asked for again: the one whose turn was longest ago comes first. */
export class Audience {
  readonly #members = new Map<string, Member>();
  #version = 0;

  /** Grows when stations come or go. */
  get version(): number {
    return this.#version;
  }

  get size(): number {
    return this.#members.size;
  }

  has(stationID: string): boolean {
    return this.#members.has(stationID);
  }

  stationIDs(): IterableIterator<string> {
    return this.#members.keys();
  }

  /** A station's next turn is one interval from now; at the start, at any moment from now on. */
  expect(
    stationID: string,
    member: Omit<Member, "dueSeconds">,
    now: number,
    after = member.intervalSeconds,
  ): void {
    if (!this.#members.delete(stationID)) this.#version += 1;
    this.#members.set(stationID, { ...member, dueSeconds: now + after });
  }

  /** Stations that will soon be asked for and whose answer is not there yet, the next first. */
  *due<T>(shared: SharedReads<T>, now: number): Generator<string> {
    for (const [stationID, member] of this.#members) {
      const { round, dueSeconds, intervalSeconds, maxAgeSeconds } = member;
      if (now - dueSeconds > SILENT_INTERVALS * intervalSeconds) {
        this.#members.delete(stationID);
        this.#version += 1;
      } else if (
        this.#needs(shared, stationID, member, now, maxAgeSeconds) &&
        dueSeconds - now <= round.seconds
      )
        yield stationID;
    }
  }

  /** Whether one station is such a one. */
  isDue<T>(shared: SharedReads<T>, stationID: string, now: number): boolean {
    const member = this.#members.get(stationID);
    if (!member || member.dueSeconds - now > member.round.seconds) return false;
    return this.#needs(shared, stationID, member, now, member.maxAgeSeconds);
  }

  #needs<T>(shared: SharedReads<T>, id: string, member: Member, now: number, maxAge: number): boolean {
    return !shared.serves(id, Math.max(now, member.dueSeconds), maxAge, member.round);
  }
}

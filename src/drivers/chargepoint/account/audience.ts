import type { Round, SharedReads } from "./shared-reads.ts";

/** A station that is read round after round. */
interface Member {
  readonly round: Round;
  readonly intervalSeconds: number;
  readonly maxAgeSeconds: number;
  /** When it is expected to be asked for. */
  dueSeconds: number;
}

/** Members in the order in which they are due. */
type Lane = Map<string, Member>;

/** So many intervals without a question, and a station is no longer counted on: its device is gone. */
const SILENT_INTERVALS = 3;

/** Stations by the order in which they will be asked for again: the one whose turn was longest ago comes first. */
export class Audience {
  /** Those who wait equally long for their turn follow each other, so each lane is in order by itself. */
  readonly #lanes = new Map<string, Lane>();
  readonly #laneOf = new Map<string, Lane>();
  /** Stations that more than one device reads. */
  readonly #several = new Set<string>();
  #version = 0;

  /** Grows when stations come or go. */
  get version(): number {
    return this.#version;
  }

  get size(): number {
    return this.#laneOf.size;
  }

  /** Whether more than one device reads the station. */
  hasSeveral(stationID: string): boolean {
    return this.#several.has(stationID);
  }

  stationIDs(): IterableIterator<string> {
    return this.#laneOf.keys();
  }

  /** A station's next turn is one interval from now; at the start, at any moment from now on. */
  expect(
    stationID: string,
    member: Omit<Member, "dueSeconds">,
    now: number,
    after = member.intervalSeconds,
  ): void {
    const { intervalSeconds } = member;
    const key = `${intervalSeconds} ${after}`;
    const lane: Lane = this.#lanes.get(key) ?? new Map();
    this.#lanes.set(key, lane);
    const before = this.#laneOf.get(stationID);
    const known = before?.get(stationID);
    if (!before) this.#version += 1;
    else before.delete(stationID);
    if (known && known.round.reader !== member.round.reader) this.#several.add(stationID);
    const isSame =
      known?.round.reader === member.round.reader && known.maxAgeSeconds === member.maxAgeSeconds;
    const { round, maxAgeSeconds } = member;
    const next =
      isSame && known.intervalSeconds === intervalSeconds
        ? known
        : { round, intervalSeconds, maxAgeSeconds, dueSeconds: 0 };
    next.dueSeconds = now + after;
    lane.set(stationID, next);
    if (before !== lane) this.#laneOf.set(stationID, lane);
  }

  /** The station's device is gone, if it was this reader. */
  leave(stationID: string, reader: object): void {
    const member = this.#laneOf.get(stationID)?.get(stationID);
    if (member?.round.reader === reader) this.#remove(stationID);
  }

  /** Stations that will soon be asked for and whose answer is not there yet, the next first. */
  *due<T>(shared: SharedReads<T>, now: number): Generator<string> {
    for (const lane of this.#lanes.values()) {
      for (const [stationID, member] of lane) {
        const { dueSeconds, round, intervalSeconds, maxAgeSeconds } = member;
        // All of a lane have the same interval, and so the same patience.
        if (dueSeconds - now > round.seconds) break;
        if (now - dueSeconds > SILENT_INTERVALS * intervalSeconds) this.#remove(stationID);
        else if (this.#needs(shared, stationID, member, now, maxAgeSeconds)) yield stationID;
      }
    }
  }

  /** Whether one station is such a one. */
  isDue<T>(shared: SharedReads<T>, stationID: string, now: number): boolean {
    const member = this.#laneOf.get(stationID)?.get(stationID);
    if (!member || member.dueSeconds - now > member.round.seconds) return false;
    return this.#needs(shared, stationID, member, now, member.maxAgeSeconds);
  }

  #remove(stationID: string): void {
    this.#laneOf.get(stationID)?.delete(stationID);
    this.#several.delete(stationID);
    if (this.#laneOf.delete(stationID)) this.#version += 1;
  }

  #needs<T>(shared: SharedReads<T>, id: string, member: Member, now: number, maxAge: number): boolean {
    return !shared.serves(id, Math.max(now, member.dueSeconds), maxAge, member.round);
  }
}

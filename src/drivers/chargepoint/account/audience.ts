import type { Round, SharedReads } from "./shared-reads.ts";

/** A station that is read round after round. */
interface Member {
  readonly round: Round;
  readonly intervalSeconds: number;
  readonly maxAgeSeconds: number;
  /** When it is expected to be asked for. */
  dueSeconds: number;
}

/** Stations in the order in which they are due; those who wait equally long for their turn follow each other. */
interface Lane {
  readonly intervalSeconds: number;
  /** From one turn to the next. */
  readonly afterSeconds: number;
  readonly members: Map<string, Member>;
}

/** So many intervals without a question, and a station is no longer counted on: its device is gone. */
const SILENT_INTERVALS = 3;

/** Stations by the order in which they will be asked for again: the one whose turn was longest ago comes first. */
export class Audience {
  readonly #lanes: Lane[] = [];
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
    const before = this.#laneOf.get(stationID);
    const lane = before && isOf(before, intervalSeconds, after) ? before : this.#lane(intervalSeconds, after);
    const known = before?.members.get(stationID);
    if (!before) this.#version += 1;
    else before.members.delete(stationID);
    if (known && known.round.reader !== member.round.reader) this.#several.add(stationID);
    const isSame =
      known?.round.reader === member.round.reader && known.maxAgeSeconds === member.maxAgeSeconds;
    const { round, maxAgeSeconds } = member;
    const next =
      isSame && known.intervalSeconds === intervalSeconds
        ? known
        : { round, intervalSeconds, maxAgeSeconds, dueSeconds: 0 };
    next.dueSeconds = now + after;
    lane.members.set(stationID, next);
    if (before !== lane) this.#laneOf.set(stationID, lane);
  }

  /** The station's device is gone, if it was this reader. */
  leave(stationID: string, reader: object): void {
    const member = this.#laneOf.get(stationID)?.members.get(stationID);
    if (member?.round.reader === reader) this.#remove(stationID);
  }

  /** Stations that will soon be asked for and whose answer is not there yet, the next first. */
  *due<T>(shared: SharedReads<T>, now: number): Generator<string> {
    for (const { members } of this.#lanes) {
      for (const [stationID, member] of members) {
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
    const member = this.#laneOf.get(stationID)?.members.get(stationID);
    if (!member || member.dueSeconds - now > member.round.seconds) return false;
    return this.#needs(shared, stationID, member, now, member.maxAgeSeconds);
  }

  #lane(intervalSeconds: number, afterSeconds: number): Lane {
    const known = this.#lanes.find((lane) => isOf(lane, intervalSeconds, afterSeconds));
    if (known) return known;
    const lane: Lane = { intervalSeconds, afterSeconds, members: new Map() };
    this.#lanes.push(lane);
    return lane;
  }

  #remove(stationID: string): void {
    this.#laneOf.get(stationID)?.members.delete(stationID);
    this.#several.delete(stationID);
    if (this.#laneOf.delete(stationID)) this.#version += 1;
  }

  #needs<T>(shared: SharedReads<T>, id: string, member: Member, now: number, maxAge: number): boolean {
    return !shared.serves(id, Math.max(now, member.dueSeconds), maxAge, member.round);
  }
}

function isOf(lane: Lane, intervalSeconds: number, afterSeconds: number): boolean {
  return lane.intervalSeconds === intervalSeconds && lane.afterSeconds === afterSeconds;
}

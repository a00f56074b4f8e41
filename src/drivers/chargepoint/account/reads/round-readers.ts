import type { AnswerKind } from "../answers.ts";
import type { RoundReader, StationAnswers } from "./station-answers.ts";

/** Number of intervals without a read after which a reader counts as gone. */
const SILENT_INTERVALS = 3;
/** Maximum age, in seconds, of an answer used by a scrape that was fetched for another station's. */
const LONGEST_SHARE_SECONDS = 60;

export interface Pace {
  /** Maximum age of an answer. */
  readonly maxAgeSeconds: number;
  /** Seconds between scrapes. */
  readonly intervalSeconds: number;
}

/** A device that reads a station in rounds. Its lane keeps its place among the others. */
export class Member<A> implements RoundReader {
  readonly answers: StationAnswers<A>;
  readonly pace: Pace;
  /** When its next read is expected. */
  dueSeconds = 0;
  /** Whether no other device reads the station. */
  isOnly = true;
  lane: Lane<A> | undefined;
  previous: Member<A> | undefined;
  next: Member<A> | undefined;

  constructor(answers: StationAnswers<A>, pace: Pace) {
    this.answers = answers;
    this.pace = pace;
  }

  get kind(): AnswerKind {
    return this.answers.options.kind;
  }

  get roundSeconds(): number {
    return Math.min(this.pace.intervalSeconds, LONGEST_SHARE_SECONDS);
  }

  get stationID(): string {
    return this.answers.stationID;
  }

  /** Returns whether it will read soon and has no answer yet. */
  isDue(now: number): boolean {
    if (!this.lane || this.dueSeconds - now > this.roundSeconds) return false;
    return !this.answers.serves(Math.max(now, this.dueSeconds), this.pace.maxAgeSeconds, this);
  }
}

/** Members in the order in which they are due, as a linked list: each moves to its end with every scrape. */
interface Lane<A> {
  readonly intervalSeconds: number;
  /** Seconds from one read to the next. */
  readonly waitSeconds: number;
  first: Member<A> | undefined;
  last: Member<A> | undefined;
}

/** Devices that read in rounds, in the order of their next reads: the one that read longest ago comes first. */
export class RoundReaders<A> {
  readonly #lanes: Lane<A>[] = [];
  /** The members of each station, rarely more than one. */
  readonly #members = new Map<string, readonly Member<A>[]>();
  #version = 0;

  /** Increases when the set of stations changes. */
  get version(): number {
    return this.#version;
  }

  /** Number of stations. */
  get size(): number {
    return this.#members.size;
  }

  stationIDs(): IterableIterator<string> {
    return this.#members.keys();
  }

  /** Adds a member; its first read may come at any time. */
  join(member: Member<A>, now: number): void {
    this.#turn(member, now, 0);
  }

  /** Records a read; the next is due one interval from now. */
  asks(member: Member<A>, now: number): void {
    this.#turn(member, now, member.pace.intervalSeconds);
  }

  /** Removes a member. */
  leave(member: Member<A>): void {
    if (!member.lane) return;
    unlink(member);
    const { stationID } = member;
    const others = this.#members.get(stationID)!.filter((other) => other !== member);
    this.#set(stationID, others);
  }

  /** Yields members that will read soon and have no answer yet, the next first. */
  *due(now: number): Generator<Member<A>> {
    for (const lane of this.#lanes) {
      let member = lane.first;
      while (member) {
        const { next, dueSeconds, pace } = member;
        // All members of a lane have the same interval, and so the same `roundSeconds`.
        if (dueSeconds - now > member.roundSeconds) break;
        if (now - dueSeconds > SILENT_INTERVALS * pace.intervalSeconds) this.leave(member);
        else if (member.isDue(now)) yield member;
        member = next;
      }
    }
  }

  /** Returns such a member of a certain station. */
  dueOf(stationID: string, now: number): Member<A> | undefined {
    return this.#members.get(stationID)?.find((member) => member.isDue(now));
  }

  #turn(member: Member<A>, now: number, waitSeconds: number): void {
    if (!member.lane) this.#enter(member);
    const lane = isOf(member.lane, member, waitSeconds) ? member.lane : this.#lane(member, waitSeconds);
    unlink(member);
    append(member, lane);
    member.dueSeconds = now + waitSeconds;
  }

  #enter(member: Member<A>): void {
    const { stationID } = member;
    this.#set(stationID, [...(this.#members.get(stationID) ?? []), member]);
  }

  #set(stationID: string, members: readonly Member<A>[]): void {
    const known = this.#members.has(stationID);
    if (members.length > 0) this.#members.set(stationID, members);
    else this.#members.delete(stationID);
    if (known !== members.length > 0) this.#version += 1;
    for (const member of members) member.isOnly = members.length === 1;
  }

  #lane(member: Member<A>, waitSeconds: number): Lane<A> {
    const known = this.#lanes.find((lane) => isOf(lane, member, waitSeconds));
    if (known) return known;
    const { intervalSeconds } = member.pace;
    const lane: Lane<A> = { intervalSeconds, waitSeconds, first: undefined, last: undefined };
    this.#lanes.push(lane);
    return lane;
  }
}

function isOf<A>(lane: Lane<A> | undefined, { pace }: Member<A>, waitSeconds: number): lane is Lane<A> {
  return lane?.intervalSeconds === pace.intervalSeconds && lane.waitSeconds === waitSeconds;
}

function append<A>(member: Member<A>, lane: Lane<A>): void {
  member.lane = lane;
  member.previous = lane.last;
  if (lane.last) lane.last.next = member;
  else lane.first = member;
  lane.last = member;
}

function unlink<A>(member: Member<A>): void {
  const { lane, previous, next } = member;
  if (!lane) return;
  if (previous) previous.next = next;
  else lane.first = next;
  if (next) next.previous = previous;
  else lane.last = previous;
  member.lane = undefined;
  member.previous = undefined;
  member.next = undefined;
}

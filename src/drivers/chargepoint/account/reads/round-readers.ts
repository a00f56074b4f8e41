import type { AnswerKind } from "../answers.ts";
import type { RoundReader, StationAnswers } from "./station-answers.ts";

/** So many intervals without a question, and a reader is no longer counted on: its device is gone. */
const SILENT_INTERVALS = 3;
/** Most age, in seconds, of an answer in a scrape that was fetched for another station's. */
const LONGEST_SHARE_SECONDS = 60;

export interface Pace {
  /** Age that an answer may have. */
  readonly maxAgeSeconds: number;
  /** Seconds between scrapes. */
  readonly intervalSeconds: number;
}

/** A device that reads a station round after round. Its place among the others is its lane's business. */
export class Member<A> implements RoundReader {
  readonly answers: StationAnswers<A>;
  readonly pace: Pace;
  /** When it is expected to ask. */
  dueSeconds = 0;
  /** No other device reads the station. */
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

  /** Whether it will ask soon and its answer is not there yet. */
  isDue(now: number): boolean {
    if (!this.lane || this.dueSeconds - now > this.roundSeconds) return false;
    return !this.answers.serves(Math.max(now, this.dueSeconds), this.pace.maxAgeSeconds, this);
  }
}

/** Members in the order in which they are due, linked: a fleet's takes its place anew with every scrape. */
interface Lane<A> {
  readonly intervalSeconds: number;
  /** From one turn to the next. */
  readonly waitSeconds: number;
  first: Member<A> | undefined;
  last: Member<A> | undefined;
}

/** Devices that read in rounds, in the order in which they will ask again: the one whose turn was longest ago comes first. */
export class RoundReaders<A> {
  readonly #lanes: Lane<A>[] = [];
  /** The members of each station. Hardly ever more than one. */
  readonly #members = new Map<string, readonly Member<A>[]>();
  #version = 0;

  /** Grows when stations come or go. */
  get version(): number {
    return this.#version;
  }

  /** Stations. */
  get size(): number {
    return this.#members.size;
  }

  stationIDs(): IterableIterator<string> {
    return this.#members.keys();
  }

  /** It is counted on, from any moment on. */
  join(member: Member<A>, now: number): void {
    this.#turn(member, now, 0);
  }

  /** It asks; its next turn is one interval from now. */
  asks(member: Member<A>, now: number): void {
    this.#turn(member, now, member.pace.intervalSeconds);
  }

  /** It is counted on no more. */
  leave(member: Member<A>): void {
    if (!member.lane) return;
    unlink(member);
    const { stationID } = member;
    const others = this.#members.get(stationID)!.filter((other) => other !== member);
    this.#set(stationID, others);
  }

  /** Members that will soon ask and whose answer is not there yet, the next first. */
  *due(now: number): Generator<Member<A>> {
    for (const lane of this.#lanes) {
      let member = lane.first;
      while (member) {
        const { next, dueSeconds, pace } = member;
        // All of a lane have the same interval, and so the same `roundSeconds`.
        if (dueSeconds - now > member.roundSeconds) break;
        if (now - dueSeconds > SILENT_INTERVALS * pace.intervalSeconds) this.leave(member);
        else if (member.isDue(now)) yield member;
        member = next;
      }
    }
  }

  /** One of those, of a certain station. */
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

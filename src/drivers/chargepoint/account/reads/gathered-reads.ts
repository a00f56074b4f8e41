import { type Clock, secondsOn } from "../../../../time/clock.ts";
import { retrySeconds } from "./pace.ts";
import { Member, type Pace, RoundReaders } from "./round-readers.ts";
import { type AnswersOptions, type SharedAnswer, StationAnswers, type Waiter } from "./station-answers.ts";

/** Stations whose answers are fetched in one go. Every one is answered or fails by itself. */
export interface Batch<A> {
  /** Those that somebody waits for. */
  readonly wanted: readonly string[];
  /** Takes up to so many more into the batch that will be asked for soon; before the first call only. */
  fill(room: number): string[];
  /** Takes a station into the batch where it will be asked for soon; whether it is in it. Before the first call only. */
  include(stationID: string): boolean;
  /** Stations whose answer is outstanding. */
  missing(): string[];
  isMissing(stationID: string): boolean;
  /** For a station that is not in the batch, this does nothing. */
  answer(stationID: string, answer: A): void;
  fail(stationID: string, error: unknown): void;
}

/** How the answers of one kind are fetched. */
export interface Source<A> {
  /** That of an answer which all had who read the station in rounds not all is kept: a fleet's pages are large. */
  readonly spent?: AnswersOptions<A>["spent"];
  /** What a batch has to wait for; reads that come meanwhile go with it. Never rejects. */
  prepare?(): Promise<void>;
  /** Answers or fails the batch's stations; what it throws fails all that are left. */
  fetch(batch: Batch<A>): Promise<void>;
  /** One station past every cache, in the fewest calls. */
  fetchAlone(stationID: string): Promise<A>;
  /** What is known of the station no longer holds. */
  forget?(stationID: string): void;
}

export interface GatherOptions {
  readonly clock: Clock;
  /** Calls back when the present moment is over, so that all that was asked in it goes into one batch. */
  readonly gather: (then: () => void) => void;
}

/** By station. */
type Outstanding<A> = Map<string, SharedAnswer<A>>;

/**
 * Reads of one kind of answer. What is asked in the same moment is one batch, and stations that will be asked for
 * within their interval go with it, so that a fleet whose scrapes are spread over the interval costs no more calls.
 */
export class GatheredReads<A> {
  readonly readers = new RoundReaders<A>();
  readonly #source: Source<A>;
  readonly #options: GatherOptions;
  readonly #answers: AnswersOptions<A>;
  readonly #stations = new Map<string, StationAnswers<A>>();
  #asked: Outstanding<A> = new Map();

  constructor(kind: AnswersOptions<A>["kind"], source: Source<A>, options: GatherOptions) {
    this.#source = source;
    this.#options = options;
    this.#answers = {
      kind,
      clock: options.clock,
      spent: source.spent,
      retrySeconds: (error) => retrySeconds(kind, error),
      failuresEndAt: Number.NEGATIVE_INFINITY,
    };
  }

  /** Counts on a device's rounds, which has not asked yet. A device that is new or changed may mend what failed. */
  join(stationID: string, pace: Pace): Member<A> {
    const answers = this.#of(stationID);
    answers.forgetFailure();
    const member = new Member(answers, pace);
    this.readers.join(member, secondsOn(this.#options.clock));
    return member;
  }

  /** Counts on them no more. */
  leave(member: Member<A>): void {
    this.readers.leave(member);
  }

  /** A read of a device's round. Where its answer is not there yet, `instead` may wait in the waiter's place. */
  ask(member: Member<A>, waiter: Waiter, instead?: (waiter: Waiter) => Waiter): void {
    const { answers } = member;
    const { maxAgeSeconds } = member.pace;
    this.readers.asks(member, secondsOn(this.#options.clock));
    const shared = answers.shared(maxAgeSeconds, member) ?? this.#gathered(answers);
    answers.take(shared, maxAgeSeconds, member, member.isOnly);
    shared.tell(instead && shared.outcome === undefined ? instead(waiter) : waiter);
    if (shared.spent) answers.spend(shared);
  }

  /** A read outside of rounds. */
  read(stationID: string, maxAgeSeconds: number, waiter: Waiter): void {
    const answers = this.#of(stationID);
    (answers.shared(maxAgeSeconds) ?? this.#alone(answers)).tell(waiter);
  }

  /** Failures of reads up to this time are not kept any more: the next round asks again. */
  forgetFailures(untilSeconds: number): void {
    this.#answers.failuresEndAt = untilSeconds;
  }

  /** The last answer, if it is younger than that. */
  last(stationID: string, maxAgeSeconds = Number.POSITIVE_INFINITY): A | undefined {
    const last = this.#stations.get(stationID)?.last;
    const isFresh = last && secondsOn(this.#options.clock) - last.atSeconds < maxAgeSeconds;
    return isFresh ? (last.value as A) : undefined;
  }

  /** Tells a waiter the last answer; whether there is one. */
  tellLast(stationID: string, waiter: Waiter): boolean {
    const last = this.#stations.get(stationID)?.last;
    last?.tell(waiter);
    return last !== undefined;
  }

  /** The next read joins no call that is under way. */
  leaveCalls(stationID: string): void {
    this.#stations.get(stationID)?.leave();
  }

  /** The next read asks the service, joining no call that is under way. */
  forget(stationID: string): void {
    this.#source.forget?.(stationID);
    this.#stations.get(stationID)?.forget();
  }

  #of(stationID: string): StationAnswers<A> {
    const known = this.#stations.get(stationID) ?? new StationAnswers(stationID, this.#answers);
    this.#stations.set(stationID, known);
    return known;
  }

  #alone(answers: StationAnswers<A>): SharedAnswer<A> {
    const shared = answers.begin();
    this.#source.fetchAlone(answers.stationID).then(
      (answer) => shared.answered(answer),
      (error: unknown) => shared.failed(error),
    );
    return shared;
  }

  #gathered(answers: StationAnswers<A>): SharedAnswer<A> {
    if (this.#asked.size === 0) this.#options.gather(() => void this.#prepared());
    return add(this.#asked, answers);
  }

  async #prepared(): Promise<void> {
    await this.#source.prepare?.();
    const outstanding = this.#asked;
    this.#asked = new Map();
    const batch = new GatheredBatch(outstanding, this.readers, secondsOn(this.#options.clock));
    try {
      await this.#source.fetch(batch);
      for (const stationID of batch.missing()) batch.fail(stationID, new Error(`no answer for ${stationID}`));
    } catch (error) {
      for (const stationID of batch.missing()) batch.fail(stationID, error);
    }
  }
}

class GatheredBatch<A> implements Batch<A> {
  readonly wanted: readonly string[];
  readonly #outstanding: Outstanding<A>;
  readonly #readers: RoundReaders<A>;
  readonly #now: number;

  constructor(outstanding: Outstanding<A>, readers: RoundReaders<A>, now: number) {
    this.wanted = [...outstanding.keys()];
    this.#outstanding = outstanding;
    this.#readers = readers;
    this.#now = now;
  }

  fill(room: number): string[] {
    const more: string[] = [];
    if (room <= 0) return more;
    for (const { answers } of this.#readers.due(this.#now)) {
      const { stationID } = answers;
      if (!this.#outstanding.has(stationID)) more.push(stationID);
      add(this.#outstanding, answers);
      if (more.length === room) break;
    }
    return more;
  }

  include(stationID: string): boolean {
    if (this.#outstanding.has(stationID)) return true;
    const due = this.#readers.dueOf(stationID, this.#now);
    if (due) add(this.#outstanding, due.answers);
    return due !== undefined;
  }

  missing(): string[] {
    return [...this.#outstanding.keys()];
  }

  isMissing(stationID: string): boolean {
    return this.#outstanding.has(stationID);
  }

  answer(stationID: string, answer: A): void {
    this.#take(stationID)?.answered(answer);
  }

  fail(stationID: string, error: unknown): void {
    this.#take(stationID)?.failed(error);
  }

  #take(stationID: string): SharedAnswer<A> | undefined {
    const shared = this.#outstanding.get(stationID);
    this.#outstanding.delete(stationID);
    return shared;
  }
}

/** A station that was forgotten a moment ago can be in it already; the call is yet to be made, so it serves both. */
function add<A>(outstanding: Outstanding<A>, answers: StationAnswers<A>): SharedAnswer<A> {
  const shared = answers.begin(outstanding.get(answers.stationID));
  outstanding.set(answers.stationID, shared);
  return shared;
}

import { type Clock, secondsOn } from "../../../../time/clock.ts";
import { retrySeconds } from "./pace.ts";
import { Member, type Pace, RoundReaders } from "./round-readers.ts";
import { type AnswersOptions, type SharedAnswer, StationAnswers, type Waiter } from "./station-answers.ts";

/** Stations whose answers are fetched together. Each of them is answered or fails on its own. */
export interface Batch<A> {
  /** Stations with a pending read. */
  readonly wanted: readonly string[];
  /** Adds up to that many stations that will be read soon; before the first call only. */
  fill(room: number): string[];
  /** Adds a station if it will be read soon and returns whether it is in the batch. Before the first call only. */
  include(stationID: string): boolean;
  /** Stations without an answer yet. */
  missing(): string[];
  isMissing(stationID: string): boolean;
  /** Does nothing for a station that is not in the batch. */
  answer(stationID: string, answer: A): void;
  fail(stationID: string, error: unknown): void;
}

/** Fetches the answers of one kind. */
export interface Source<A> {
  /** Set where an answer is reduced once all rounds have used it: a fleet's pages are large. */
  readonly spent?: AnswersOptions<A>["spent"];
  /** Prepares a batch; reads that arrive meanwhile join it. Never rejects. */
  prepare?(): Promise<void>;
  /** Answers or fails the batch's stations; an error thrown fails all that remain. */
  fetch(batch: Batch<A>): Promise<void>;
  /** Reads one station in the fewest calls, bypassing every cache. */
  fetchAlone(stationID: string): Promise<A>;
  /** Drops what is known of the station. */
  forget?(stationID: string): void;
}

export interface GatherOptions {
  readonly clock: Clock;
  /** Calls back at the end of the current turn of the event loop, so that all reads of that turn become one batch. */
  readonly gather: (then: () => void) => void;
}

/** Pending answers by station. */
type Outstanding<A> = Map<string, SharedAnswer<A>>;

/**
 * Reads of one kind of answer. Reads of the same turn of the event loop form one batch. Stations that will be read within
 * their interval join it, so that a fleet whose scrapes are spread over the interval costs no more calls.
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

  /**
   * Registers a device's rounds before its first read. A new or changed device may end a failure, so that the station is
   * read again.
   */
  join(stationID: string, pace: Pace): Member<A> {
    const answers = this.#of(stationID);
    answers.forgetFailure();
    const member = new Member(answers, pace);
    this.readers.join(member, secondsOn(this.#options.clock));
    return member;
  }

  /** Removes a device's rounds. */
  leave(member: Member<A>): void {
    this.readers.leave(member);
  }

  /** Reads for a device's round. Where the answer is pending, `instead` may return a waiter to use in place of this one. */
  ask(member: Member<A>, waiter: Waiter, instead?: (waiter: Waiter) => Waiter): void {
    const { answers } = member;
    const { maxAgeSeconds } = member.pace;
    this.readers.asks(member, secondsOn(this.#options.clock));
    const shared = answers.shared(maxAgeSeconds, member) ?? this.#gathered(answers);
    answers.take(shared, maxAgeSeconds, member, member.isOnly);
    shared.deliver(instead && shared.outcome === undefined ? instead(waiter) : waiter);
    if (shared.spent) answers.spend(shared);
  }

  /** Reads outside of rounds. */
  read(stationID: string, maxAgeSeconds: number, waiter: Waiter): void {
    const answers = this.#of(stationID);
    (answers.shared(maxAgeSeconds) ?? this.#alone(answers)).deliver(waiter);
  }

  /** Drops the failures of reads up to this time, so that the next round reads again. */
  forgetFailures(untilSeconds: number): void {
    this.#answers.failuresEndAt = untilSeconds;
  }

  /** Returns the last answer if it is younger than that. */
  last(stationID: string, maxAgeSeconds = Number.POSITIVE_INFINITY): A | undefined {
    const last = this.#stations.get(stationID)?.last;
    const isFresh = last && secondsOn(this.#options.clock) - last.atSeconds < maxAgeSeconds;
    return isFresh ? (last.value as A) : undefined;
  }

  /** Passes the last answer to a waiter; returns whether there is one. */
  deliverLast(stationID: string, waiter: Waiter): boolean {
    const last = this.#stations.get(stationID)?.last;
    last?.deliver(waiter);
    return last !== undefined;
  }

  /** Keeps the next read from joining a call in progress. */
  leaveCalls(stationID: string): void {
    this.#stations.get(stationID)?.leave();
  }

  /** Makes the next read ask the service, without joining a call in progress. */
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

/** A station dropped a moment ago may already be in the batch; its call was not sent yet, so it serves both. */
function add<A>(outstanding: Outstanding<A>, answers: StationAnswers<A>): SharedAnswer<A> {
  const shared = answers.begin(outstanding.get(answers.stationID));
  outstanding.set(answers.stationID, shared);
  return shared;
}

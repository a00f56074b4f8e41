import type { Abortable } from "../../time/until-aborted.ts";
import type { ReadingSink } from "../abilities.ts";
import type { Reading } from "../driver.ts";
import type { AnswerKind } from "./account/answers.ts";
import type { Waiter } from "./account/reads/station-answers.ts";

/** What a scrape needs of its station. */
interface ScrapedStation {
  readonly kinds: readonly AnswerKind[];
  /** Kinds whose answers show whether the service responds now, and how old the station's values are. */
  readonly telling: ReadonlySet<AnswerKind>;
  reading(
    answers: readonly unknown[],
    errors: ReadonlyMap<AnswerKind, unknown> | undefined,
    asked: AskedAt,
  ): Reading;
}

/** When the answers of those kinds were requested, in seconds on the account's clock; infinite where there are none. */
export interface AskedAt {
  readonly oldest: number;
  readonly newest: number;
}

/** An answer that a scrape used, and when it was requested, in seconds on the account's clock. */
export interface UsedAnswer {
  readonly answer: unknown;
  readonly atSeconds: number;
}

/** One scrape of a station while its answers are pending. This object is all the memory that a waiting scrape takes. */
export class StationScrape implements Waiter, Abortable, AskedAt {
  oldest = Number.POSITIVE_INFINITY;
  newest = Number.NEGATIVE_INFINITY;
  readonly #station: ScrapedStation;
  readonly #sink: ReadingSink;
  readonly #ending: Set<Abortable>;
  readonly #answers: unknown[] = [];
  #errors: Map<AnswerKind, unknown> | undefined;
  /** Number of pending answers; below 0 after an abort. */
  #left: number;

  /** `ending`: the set that it belongs to while it waits. */
  constructor(station: ScrapedStation, sink: ReadingSink, ending: Set<Abortable>) {
    this.#station = station;
    this.#sink = sink;
    this.#ending = ending;
    this.#left = station.kinds.length;
    ending.add(this);
  }

  answered(kind: AnswerKind, answer: unknown, atSeconds: number): void {
    const { kinds, telling } = this.#station;
    this.#answers[kinds.indexOf(kind)] = answer;
    if (telling.has(kind)) {
      if (atSeconds < this.oldest) this.oldest = atSeconds;
      if (atSeconds > this.newest) this.newest = atSeconds;
    }
    this.#came();
  }

  failed(kind: AnswerKind, error: unknown): void {
    this.#errors ??= new Map();
    this.#errors.set(kind, error);
    this.#came();
  }

  aborted(reason: unknown): void {
    this.#left = -1;
    this.#sink.failed(reason);
  }

  #came(): void {
    this.#left--;
    if (this.#left !== 0) return;
    this.#ending.delete(this);
    let reading: Reading;
    try {
      reading = this.#station.reading(this.#answers, this.#errors, this);
    } catch (error) {
      this.#sink.failed(error);
      return;
    }
    this.#sink.read(reading);
  }
}

/** A scrape that keeps the answers it used, to explain its values. */
export class ExplainedScrape extends StationScrape {
  readonly used = new Map<AnswerKind, UsedAnswer>();

  override answered(kind: AnswerKind, answer: unknown, atSeconds: number): void {
    this.used.set(kind, { answer, atSeconds });
    super.answered(kind, answer, atSeconds);
  }
}

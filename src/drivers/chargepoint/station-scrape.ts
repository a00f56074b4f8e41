import type { Abortable } from "../../time/until-aborted.ts";
import type { ReadingSink } from "../abilities.ts";
import type { Reading } from "../driver.ts";
import type { AnswerKind } from "./account/answers.ts";
import type { Waiter } from "./account/reads/station-answers.ts";

/** What a scrape asks of its station. */
interface ScrapedStation {
  readonly kinds: readonly AnswerKind[];
  /** Kinds whose answers tell whether the station is read now, and how old its values are. */
  readonly telling: ReadonlySet<AnswerKind>;
  reading(
    answers: readonly unknown[],
    errors: ReadonlyMap<AnswerKind, unknown> | undefined,
    asked: AskedAt,
  ): Reading;
}

/** When the answers of the telling kinds were asked for, seconds by the account's clock; infinite where there are none. */
export interface AskedAt {
  readonly oldest: number;
  readonly newest: number;
}

/** One scrape of a station while its answers are on their way. All that it needs meanwhile is this object. */
export class StationScrape implements Waiter, Abortable, AskedAt {
  oldest = Number.POSITIVE_INFINITY;
  newest = Number.NEGATIVE_INFINITY;
  readonly #station: ScrapedStation;
  readonly #sink: ReadingSink;
  readonly #ending: Set<Abortable>;
  readonly #answers: unknown[] = [];
  #errors: Map<AnswerKind, unknown> | undefined;
  /** Answers that are outstanding; below 0 it was aborted. */
  #left: number;

  /** `ending`: where it is as long as it waits. */
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

import type { Reading, ReadingSink } from "../driver.ts";
import type { Abortable } from "../until-aborted.ts";
import type { AnswerKind } from "./account/answers.ts";
import type { Waiter } from "./account/station-answers.ts";

/** What a scrape asks of its station. */
interface ScrapedStation {
  readonly kinds: readonly AnswerKind[];
  reading(answers: readonly unknown[], errors: ReadonlyMap<AnswerKind, unknown> | undefined): Reading;
}

/** One scrape of a station while its answers are on their way. All that it needs meanwhile is this object. */
export class StationScrape implements Waiter, Abortable {
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

  answered(kind: AnswerKind, answer: unknown): void {
    this.#answers[this.#station.kinds.indexOf(kind)] = answer;
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
      reading = this.#station.reading(this.#answers, this.#errors);
    } catch (error) {
      this.#sink.failed(error);
      return;
    }
    this.#sink.read(reading);
  }
}

import type { Notice } from "../../bus.ts";
import { type Log, messageOf } from "../../log/log.ts";
import { Outages } from "../../log/outages.ts";
import { type Clock, systemClock } from "../../time/clock.ts";
import type { HistorianBackend, Upkeep } from "../contract.ts";
import { timeOf } from "../time.ts";

export interface UpkeepOptions {
  readonly backend: HistorianBackend;
  readonly log: Log;
  readonly onNotice: (notice: Notice) => void;
  readonly clock?: Clock;
}

const UPKEEP = "closed days";
const FIRST_MS = 10_000;
/** Time until the store is looked at again when nothing was due, or when it failed. */
const AGAIN_MS = 60_000;
/** Least rest after a piece of work; it is as long as the piece took, so that half of the store's time remains for writing. */
const REST_MS = 5;

/** Has a store do its own work, such as moving closed days into files, piece by piece. */
export class UpkeepKeeper {
  readonly #options: UpkeepOptions;
  readonly #clock: Clock;
  readonly #ended = new AbortController();
  #cancel: (() => void) | undefined;
  #piece: Promise<void> = Promise.resolve();
  readonly #outages: Outages;

  constructor(options: UpkeepOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#outages = new Outages({ ...options, notify: options.onNotice });
  }

  /** Does nothing for a store without such work. */
  start(): void {
    const { upkeep } = this.#options.backend;
    if (upkeep) this.#after(FIRST_MS, upkeep);
  }

  /** Aborts the current piece. */
  async stop(): Promise<void> {
    this.#ended.abort();
    this.#cancel?.();
    await this.#piece;
    this.#outages.stop();
  }

  #after(ms: number, upkeep: Upkeep): void {
    if (this.#ended.signal.aborted) return;
    this.#cancel = this.#clock.after(ms, () => {
      this.#piece = this.#work(upkeep).then((rest) => this.#after(rest, upkeep));
    });
  }

  /** Does a piece of work. Returns the time until the next one, in milliseconds. */
  async #work(upkeep: Upkeep): Promise<number> {
    const begun = performance.now();
    try {
      const now = timeOf(new Date(this.#clock.now()));
      const more = await upkeep.work({ now }, this.#ended.signal);
      this.#outages.ended(UPKEEP, { text: "closed days are moved into files again" });
      return more ? Math.max(performance.now() - begun, REST_MS) : AGAIN_MS;
    } catch (error) {
      if (!this.#ended.signal.aborted)
        this.#outages.failed({
          ...{ key: UPKEEP, kind: "history_upkeep_failing", cause: messageOf(error) },
          text: "days cannot be moved into files now",
          next: "they stay in the store, and are tried again every minute",
        });
      return AGAIN_MS;
    }
  }
}

import type { QueuedRecord } from "../../queue/contract.ts";

export interface LaneLimits {
  /** Most records, and most characters of their text, that are on their way to the broker. */
  readonly records: number;
  readonly characters: number;
}

/** Records on their way to the broker in the order of their ids: so many at a time, the rest on disk. */
export class Lane {
  /** Read from disk, and next to be sent. */
  buffer: QueuedRecord[] = [];
  /** Whether there may be more on disk, with ids above `after`. */
  more = false;
  after = 0;
  reading = false;
  readonly #limits: LaneLimits;
  #records = 0;
  #characters = 0;

  constructor(limits: LaneLimits) {
    this.#limits = limits;
  }

  /** How many are on their way. */
  get underWay(): number {
    return this.#records;
  }

  get hasRoom(): boolean {
    return this.#records < this.#limits.records && this.#characters < this.#limits.characters;
  }

  left(record: QueuedRecord): void {
    this.#records++;
    this.#characters += charactersOf(record);
  }

  returned(record: QueuedRecord): void {
    this.#records--;
    this.#characters -= charactersOf(record);
  }

  /** Reads on disk from there on. */
  readFrom(after: number): void {
    this.after = after;
    this.more = true;
  }
}

/** As many as go to the broker. */
function charactersOf({ text, shared = "" }: QueuedRecord): number {
  return text.length + shared.length;
}

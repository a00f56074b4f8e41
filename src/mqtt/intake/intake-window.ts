export interface IntakeWindowOptions {
  /** Most messages, and about how many bytes of them, that are taken and not acknowledged. */
  readonly messages: number;
  readonly bytes: number;
  /** Ids of messages whose turn has come, in the order of their arrival. */
  acknowledge(ids: readonly number[]): void;
}

interface Entry {
  /** Absent for QoS 0, which knows no acknowledgement. */
  readonly id: number | undefined;
  readonly size: number;
  done: boolean;
}

/**
 * Messages taken and not finished yet: a bounded number, acknowledged in the order in which they came, as MQTT wants it
 * (§4.6), those of one turn of the event loop at once.
 */
export class IntakeWindow {
  readonly #options: IntakeWindowOptions;
  readonly #entries = new Set<Entry>();
  #bytes = 0;
  #flushDue = false;
  #onRoom: (() => void) | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(options: IntakeWindowOptions) {
    this.#options = options;
  }

  /** Takes a message in. The function that comes back says that it is safe. */
  add(id: number | undefined, size: number): () => void {
    const entry: Entry = { id, size, done: false };
    this.#entries.add(entry);
    this.#bytes += size;
    return () => {
      entry.done = true;
      this.#flushSoon();
    };
  }

  /** Calls once when another message may come: now, or when there is room again. */
  whenRoom(next: () => void): void {
    if (this.#full) this.#onRoom = next;
    else next();
  }

  /** Resolves when everything that came in is acknowledged. */
  async empty(): Promise<void> {
    if (this.#entries.size > 0)
      await new Promise<void>((resolve) => {
        this.#onEmpty = resolve;
      });
  }

  get #full(): boolean {
    return this.#entries.size >= this.#options.messages || this.#bytes >= this.#options.bytes;
  }

  #flushSoon(): void {
    if (this.#flushDue) return;
    this.#flushDue = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#flushDue = false;
    const ids: number[] = [];
    for (const entry of this.#entries) {
      if (!entry.done) break;
      this.#entries.delete(entry);
      this.#bytes -= entry.size;
      if (entry.id !== undefined) ids.push(entry.id);
    }
    if (ids.length > 0) this.#options.acknowledge(ids);
    if (this.#entries.size === 0) this.#onEmpty?.();
    if (this.#full) return;
    const next = this.#onRoom;
    this.#onRoom = undefined;
    next?.();
  }
}

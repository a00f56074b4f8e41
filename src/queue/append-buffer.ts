import type { NewRecord, QueuedRecord } from "./contract.ts";
import type { AppendBatch, Appended } from "./messages.ts";

/** Of a record in memory, besides its texts. */
const RECORD_BYTES = 100;

interface Waiting {
  /** Those for which there was room. */
  readonly records: readonly NewRecord[];
  resolve(records: readonly QueuedRecord[]): void;
  reject(error: Error): void;
}

interface Current {
  readonly batch: AppendBatch;
  readonly calls: readonly Waiting[];
  readonly bytes: number;
}

/** Records that wait for a commit, in bounded memory. */
export class AppendBuffer {
  readonly #memoryBytes: number;
  readonly #batchBytes: number;
  readonly #calls: Waiting[] = [];
  /** Shared texts that count among the bytes, until nothing waits. */
  readonly #shared = new Set<string>();
  #bytes = 0;
  #lost = 0;
  #lostEver = 0;
  #current: Current | undefined;
  #number: number;

  /** `lastNumber`: of the last batch that the file knows. */
  constructor(memoryBytes: number, batchBytes: number, lastNumber: number) {
    this.#memoryBytes = memoryBytes;
    this.#batchBytes = batchBytes;
    this.#number = lastNumber;
  }

  /** Values that found no room, and are not in the file's counters yet. */
  get lost(): number {
    return this.#lost + (this.#current?.batch.lost ?? 0);
  }

  /** Values that found no room since the queue was opened. */
  get lostEver(): number {
    return this.#lostEver;
  }

  /** What finds no room is dropped, the last records first. One call of any size finds room where nothing else waits. */
  add(records: readonly NewRecord[]): Promise<readonly QueuedRecord[]> {
    for (const record of records) check(record);
    const fits = this.#bytes === 0 ? records.length : this.#howManyFit(records);
    const lost = records.slice(fits).reduce((sum, { samples }) => sum + samples, 0);
    this.#lost += lost;
    this.#lostEver += lost;
    if (fits === 0) return Promise.resolve([]);
    const taken = records.slice(0, fits);
    for (const record of taken) this.#bytes += bytesOf(record, this.#shared);
    return new Promise((resolve, reject) => this.#calls.push({ records: taken, resolve, reject }));
  }

  /** What to commit: the last batch again where it was not {@link done}. */
  next(): AppendBatch | undefined {
    this.#current ??= this.#gather();
    return this.#current?.batch;
  }

  /** The batch is on disk. */
  done({ first, gone }: Appended): void {
    let index = 0;
    for (const { records, resolve } of this.#leave()) {
      const from = index;
      index += records.length;
      const kept = records.slice(Math.max(gone - from, 0));
      const firstId = first + index - kept.length;
      resolve(
        kept.map(({ text, shared, samples, key, time }, at) => ({
          ...{ id: firstId + at, text, samples, key, time },
          ...(shared !== undefined && { shared }),
        })),
      );
    }
  }

  /** The batch cannot be committed ever. */
  fail(error: Error): void {
    for (const { reject } of this.#leave()) reject(error);
  }

  /** Drops what still waits. Answers how many values that are, those counted as lost included. */
  abandon(): number {
    let lost = this.lost;
    for (const { records, resolve } of [...this.#leave(), ...this.#calls.splice(0)]) {
      for (const { samples } of records) lost += samples;
      resolve([]);
    }
    this.#bytes = 0;
    this.#lost = 0;
    return lost;
  }

  #howManyFit(records: readonly NewRecord[]): number {
    let bytes = this.#bytes;
    const shared = new Set(this.#shared);
    const tooMuch = records.findIndex((record) => {
      bytes += bytesOf(record, shared);
      return bytes > this.#memoryBytes;
    });
    return tooMuch < 0 ? records.length : tooMuch;
  }

  #gather(): Current | undefined {
    if (this.#calls.length === 0 && this.#lost === 0) return undefined;
    let size = 0;
    let count = 0;
    const texts = new Set<string>();
    while (count < this.#calls.length && (count === 0 || size < this.#batchBytes))
      for (const record of this.#calls[count++]!.records) size += bytesOf(record, texts);
    const calls = this.#calls.splice(0, count);
    const records = calls.flatMap((call) => call.records);
    const shared = [...texts];
    const indexes = new Map(shared.map((text, index) => [text, index]));
    const batch: AppendBatch = {
      number: ++this.#number,
      texts: records.map(({ text }) => text),
      keys: records.map(({ key }) => key),
      samples: Float64Array.from(records, ({ samples }) => samples),
      times: Float64Array.from(records, ({ time }) => time),
      shared,
      sharing: Int32Array.from(records, (record) =>
        record.shared === undefined ? -1 : indexes.get(record.shared)!,
      ),
      lost: this.#lost,
    };
    this.#lost = 0;
    return { batch, calls, bytes: records.reduce((sum, record) => sum + ownBytes(record), 0) };
  }

  #leave(): readonly Waiting[] {
    const { calls, bytes } = this.#current ?? { calls: [], bytes: 0 };
    this.#bytes -= bytes;
    this.#current = undefined;
    if (this.#calls.length === 0) {
      this.#bytes = 0;
      this.#shared.clear();
    }
    return calls;
  }
}

function ownBytes({ text, key }: NewRecord): number {
  return text.length + key.length + RECORD_BYTES;
}

/** With its shared text, where that is none of those `counted`, to which it comes then. */
function bytesOf(record: NewRecord, counted: Set<string>): number {
  const { shared } = record;
  if (shared === undefined || counted.has(shared)) return ownBytes(record);
  counted.add(shared);
  return ownBytes(record) + shared.length;
}

function check({ text, shared = "", samples, key, time }: NewRecord): void {
  if (typeof text !== "string" || typeof key !== "string" || typeof shared !== "string")
    throw new TypeError("a record's text and key are texts");
  if (!Number.isSafeInteger(samples) || samples < 0)
    throw new TypeError(`record ${key}: samples is ${samples}, expected a whole number, 0 or more`);
  if (!Number.isFinite(time))
    throw new TypeError(`record ${key}: time is ${time}, expected milliseconds since 1970`);
}

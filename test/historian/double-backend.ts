import type { HistorianBackend, Row, Sample, Topic } from "../../src/historian/contract.ts";
import type { PointValue } from "../../src/points/index.ts";

/** A store in memory that fails as told. */
export class DoubleBackend implements HistorianBackend {
  /** What was stored, call by call. */
  readonly batches: Sample[][] = [];
  /** `topic time` → value. */
  readonly stored = new Map<string, PointValue>();
  /** Of every write, whatever became of it. */
  readonly attempts: (readonly Sample[])[] = [];
  fail: (samples: readonly Sample[], signal?: AbortSignal) => Promise<void> = async () => {};

  async open(): Promise<void> {}
  async write(samples: readonly Sample[], signal?: AbortSignal): Promise<void> {
    this.attempts.push(samples);
    await this.fail(samples, signal);
    this.batches.push([...samples]);
    for (const { topic, time, value } of samples) this.stored.set(`${topic} ${time}`, value);
  }
  async topics(): Promise<readonly Topic[]> {
    return [];
  }
  async read(): Promise<readonly Row[]> {
    return [];
  }
  async close(): Promise<void> {}
}

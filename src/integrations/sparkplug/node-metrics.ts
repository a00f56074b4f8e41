import type { StateNamespace } from "../../storage/state-store.ts";
import { DataType, encodePayload, type Metric, type MetricValue } from "./codec.ts";

const REBIRTH = "Node Control/Rebirth";
const BD_SEQ = "bdSeq";

/** A metric of the node that does not change by itself, or is asked for when it is sent. */
export interface NodeMetric {
  readonly name: string;
  readonly type: DataType;
  value(): MetricValue;
}

/** Aliases of the node's metrics: 1 is the birth and death number. Those of devices begin above. */
const BD_SEQ_ALIAS = 1;
export const FIRST_DEVICE_ALIAS = 1000;

/** The metrics of the node itself, and the number that ties its births to its deaths. */
export class NodeMetrics {
  readonly #state: StateNamespace;
  readonly #metrics: readonly NodeMetric[];
  #sent: MetricValue[] = [];

  constructor(state: StateNamespace, metrics: readonly NodeMetric[]) {
    this.#state = state;
    this.#metrics = metrics;
  }

  /** Birth and death number of the present connection. */
  get bdSeq(): number {
    return Number(this.#state.get(BD_SEQ) ?? 0);
  }

  /** Counts a CONNECT, from 0 on (chapter 5.4). */
  nextBdSeq(): void {
    const last = this.#state.get(BD_SEQ);
    this.#state.set(BD_SEQ, typeof last === "number" ? (last + 1) % 256 : 0);
  }

  /** Takes back the last count: no CONNECT was sent. */
  takeBackBdSeq(): void {
    this.#state.set(BD_SEQ, this.bdSeq - 1);
  }

  death(now: number): Buffer {
    return encodePayload({ timestamp: now, metrics: [this.#bdSeqMetric(now)] });
  }

  birth(now: number): Metric[] {
    this.#sent = this.#metrics.map((metric) => metric.value());
    return [
      { ...this.#bdSeqMetric(now), alias: BD_SEQ_ALIAS },
      // Without an alias, so that a host that knows no alias can ask for a birth (chapter 5.13).
      { name: REBIRTH, timestamp: now, type: DataType.Boolean, value: false },
      ...this.#metrics.map(({ name, type }, i) => ({ name, ...this.#metric(i, type, now) })),
    ];
  }

  /** Returns the metrics that differ from what was sent last. */
  news(now: number): Metric[] {
    const metrics: Metric[] = [];
    for (const [i, { type, value }] of this.#metrics.entries()) {
      const present = value();
      if (present === this.#sent[i]) continue;
      this.#sent[i] = present;
      metrics.push(this.#metric(i, type, now));
    }
    return metrics;
  }

  #metric(i: number, type: DataType, now: number): Metric {
    return { alias: BD_SEQ_ALIAS + 1 + i, timestamp: now, type, value: this.#sent[i]! };
  }

  #bdSeqMetric(now: number): Metric {
    return { name: BD_SEQ, timestamp: now, type: DataType.Int64, value: this.bdSeq };
  }
}

export { BD_SEQ, BD_SEQ_ALIAS, REBIRTH };

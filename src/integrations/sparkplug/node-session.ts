import type { BrokerSession } from "../../mqtt/broker/broker-session.ts";
import { ImpossibleMessageError } from "../../mqtt/broker/link.ts";
import { encodePayload, type Metric } from "./codec.ts";

/** Maximum number of messages that wait for the socket before the next is made. */
const MOST_IN_FLIGHT = 64;

export interface SessionCounters {
  published: number;
  dropped: number;
  refused: number;
}

interface Sending {
  readonly topic: string;
  readonly metrics: readonly Metric[];
  /** Called when the message did not go out, possibly before the return. */
  onLost?(): void;
}

/** The messages of one connection: numbered without a gap, as many at a time as the connection takes. */
export class NodeSession {
  readonly broker: BrokerSession;
  readonly #counters: SessionCounters;
  readonly #now: () => number;
  /** Called when there is room again. */
  readonly #onRoom: () => void;
  /** Called when a numbered message was lost although the connection goes on, which only a new birth can mend. */
  readonly #onGap: () => void;
  #seq = 0;
  #inFlight = 0;

  constructor(
    broker: BrokerSession,
    counters: SessionCounters,
    callbacks: { now(): number; onRoom(): void; onGap(): void },
  ) {
    this.broker = broker;
    this.#counters = counters;
    this.#now = callbacks.now;
    this.#onRoom = callbacks.onRoom;
    this.#onGap = callbacks.onGap;
  }

  get isFull(): boolean {
    return this.#inFlight >= MOST_IN_FLIGHT;
  }

  /** Begins the numbers anew, for the birth of the node. */
  restart(): void {
    this.#seq = 0;
  }

  /** Returns why no broker can take the message; undefined where it was sent. */
  send({ topic, metrics, onLost }: Sending): string | undefined {
    const payload = encodePayload({ timestamp: this.#now(), metrics, seq: this.#seq });
    let failure: Error | undefined;
    let isOver = false;
    this.#inFlight++;
    this.broker.post({ topic, payload, qos: 0, retain: false }, (error) => {
      this.#inFlight--;
      if (!error) this.#counters.published++;
      else if (error instanceof ImpossibleMessageError) this.#counters.refused++;
      else {
        this.#counters.dropped++;
        onLost?.();
      }
      if (isOver && error && this.broker.alive) this.#onGap();
      if (isOver && this.#inFlight === MOST_IN_FLIGHT / 2) this.#onRoom();
      failure = error;
    });
    isOver = true;
    // A message that was not sent has no number, so that the hosts miss none.
    if (!failure) this.#seq = (this.#seq + 1) % 256;
    return failure instanceof ImpossibleMessageError ? failure.message : undefined;
  }
}

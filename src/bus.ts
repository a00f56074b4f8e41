import { setImmediate as nextTurn } from "node:timers/promises";
import type { AvailabilityChange, DeviceInfo, Scrape, Write } from "./points/index.ts";

/** Something an operator may want to know; published on `voltbridge/<instance>/event`. */
export interface Notice {
  readonly severity: "info" | "warning" | "error";
  /** Stable word for machines, e.g. `scrape_skipped`, `credentials_refused`. */
  readonly kind: string;
  readonly text: string;
  readonly at: Date;
  readonly device?: string;
}

/**
 * A device came or went while the bridge runs. `gone`: it is not scraped any more, but may come back; `forgotten`: it
 * stayed away, and what is kept of it goes too.
 */
export interface Membership {
  readonly device: DeviceInfo;
  readonly change: "added" | "gone" | "forgotten";
}

/** Somebody holds a device now; said at every change of the schedule and every `schedule_publish_interval`. */
export interface Reservation {
  readonly device: string;
  readonly requester: string;
  readonly taskId: string;
  /** Seconds that it goes on. */
  readonly windowSeconds: number;
  readonly at: Date;
}

/** A task lost its devices to a more urgent one. */
export interface Preemption {
  readonly requester: string;
  readonly taskId: string;
  readonly by: { readonly requester: string; readonly taskId: string };
  readonly at: Date;
}

/** Everything that travels between the parts. Values go out over the bus; commands are calls. */
export interface BusEvents {
  scrape: Scrape;
  write: Write;
  availability: AvailabilityChange;
  notice: Notice;
  membership: Membership;
  reservation: Reservation;
  preemption: Preemption;
}

type Listener<E> = (event: E) => void;

/**
 * Typed events between the parts. Listeners run in the order of subscription, inside `emit`, and must be
 * quick; one that throws harms nobody else: its error goes to `onError`.
 */
export class Bus {
  readonly #listeners = new Map<keyof BusEvents, Set<Listener<never>>>();
  readonly #onError: (event: keyof BusEvents, error: unknown) => void;

  constructor(onError: (event: keyof BusEvents, error: unknown) => void) {
    this.#onError = onError;
  }

  /** Subscribes; the returned function ends the subscription. */
  on<K extends keyof BusEvents>(event: K, listener: Listener<BusEvents[K]>): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners);
    listeners.add(listener as Listener<never>);
    return () => void listeners.delete(listener as Listener<never>);
  }

  emit<K extends keyof BusEvents>(event: K, value: BusEvents[K]): void {
    for (const listener of this.#listeners.get(event) ?? []) this.#call(listener, event, value);
  }

  /**
   * {@link emit} of an event that takes its listeners long: each has a turn of the event loop of its own, for as long as the event is
   * `wanted`. Events emitted one after the other reach each listener in that order. Resolves when all were called.
   */
  async emitInTurns<K extends keyof BusEvents>(
    event: K,
    value: BusEvents[K],
    wanted: () => boolean,
  ): Promise<void> {
    for (const listener of this.#listeners.get(event) ?? []) {
      await nextTurn();
      if (!wanted()) return;
      this.#call(listener, event, value);
    }
  }

  #call<K extends keyof BusEvents>(listener: Listener<never>, event: K, value: BusEvents[K]): void {
    try {
      (listener as Listener<BusEvents[K]>)(value);
    } catch (error) {
      this.#onError(event, error);
    }
  }
}

import { setImmediate as nextTurn } from "node:timers/promises";
import type {
  AlarmChange,
  AvailabilityChange,
  DeviceInfo,
  LimitEnds,
  OpenAlarms,
  PortEnergy,
  Scrape,
  ServiceCall,
  Write,
} from "./points/index.ts";

/** A notice to operators, published on `voltbridge/<instance>/event`. */
export interface Notice {
  readonly severity: "info" | "warning" | "error";
  /** Stable name for programs, e.g. `scrape_skipped`, `credentials_refused`. */
  readonly kind: string;
  readonly text: string;
  readonly at: Date;
  readonly device?: string;
  /** Present where something does not work, or works again. */
  readonly outage?: NoticeOutage;
}

export interface NoticeOutage {
  /** Name of what does not work, the same in the notice of the end, e.g. `account license-… at NA`. */
  readonly of: string;
  readonly ended: boolean;
  /** Duration so far. */
  readonly seconds: number;
  /** Number of failed attempts so far. */
  readonly failures: number;
}

/**
 * A device was added, changed or removed while the bridge runs. `changed`: it has the same path and may have other points; `gone`: it is
 * no longer scraped, but may return; `forgotten`: it did not return, and its data are removed too; `released`: another member of the
 * estate has it from now on, and what was published of it stays.
 */
export type Membership =
  | { readonly device: DeviceInfo; readonly change: "added" | "gone" | "forgotten" | "released" }
  | { readonly device: DeviceInfo; readonly change: "changed"; readonly before: DeviceInfo };

/** A device is reserved now. Emitted at every change of the schedule and every `schedule_publish_interval`. */
export interface Reservation {
  readonly device: string;
  readonly requester: string;
  readonly taskId: string;
  /** Remaining time, in seconds. */
  readonly windowSeconds: number;
  readonly at: Date;
}

/** Reservations were granted, cancelled or preempted, or have begun or ended. */
export interface ScheduleChange {
  readonly at: Date;
}

/** A task lost its devices to one of higher priority. */
export interface Preemption {
  readonly requester: string;
  readonly taskId: string;
  readonly by: { readonly requester: string; readonly taskId: string };
  readonly at: Date;
}

/** Events between the parts. Values use the bus; commands are calls. */
export interface BusEvents {
  scrape: Scrape;
  write: Write;
  availability: AvailabilityChange;
  alarm: AlarmChange;
  openAlarms: OpenAlarms;
  limitEnds: LimitEnds;
  /** Lifetime energy of a port, of a station that may have a device. */
  energy: PortEnergy;
  notice: Notice;
  call: ServiceCall;
  membership: Membership;
  reservation: Reservation;
  schedule: ScheduleChange;
  preemption: Preemption;
}

type Listener<E> = (event: E) => void;

/**
 * Typed events between the parts. Listeners run in the order of subscription, inside `emit`, and must be fast. The error of one that
 * throws is passed to `onError` and does not affect the others.
 */
export class Bus {
  readonly #listeners = new Map<keyof BusEvents, Set<Listener<never>>>();
  readonly #onError: (event: keyof BusEvents, error: unknown) => void;
  readonly #forwardTo: Bus | undefined;

  /** `forwardTo`: a bus that gets every event of this one too, after its own listeners. */
  constructor(onError: (event: keyof BusEvents, error: unknown) => void, forwardTo?: Bus) {
    this.#onError = onError;
    this.#forwardTo = forwardTo;
  }

  /** Subscribes. Returns a function that unsubscribes. */
  on<K extends keyof BusEvents>(event: K, listener: Listener<BusEvents[K]>): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners);
    listeners.add(listener as Listener<never>);
    return () => void listeners.delete(listener as Listener<never>);
  }

  emit<K extends keyof BusEvents>(event: K, value: BusEvents[K]): void {
    for (const listener of this.#listeners.get(event) ?? []) this.#call(listener, event, value);
    this.#forwardTo?.emit(event, value);
  }

  /**
   * {@link emit} for slow listeners: each runs in its own turn of the event loop, as long as the event is `wanted`. Successive events reach
   * each listener in order. Resolves when all were called.
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
    await this.#forwardTo?.emitInTurns(event, value, wanted);
  }

  #call<K extends keyof BusEvents>(listener: Listener<never>, event: K, value: BusEvents[K]): void {
    try {
      (listener as Listener<BusEvents[K]>)(value);
    } catch (error) {
      this.#onError(event, error);
    }
  }
}

/** A planned event; it happens unless it is dropped before. */
export interface Appointment {
  readonly at: number;
  readonly act: () => void;
  /** Sequence number: events of the same instant happen in this order. */
  readonly order: number;
  dropped: boolean;
}

/** The planned events of the world, by time (a binary heap). */
export class Agenda {
  #heap: Appointment[] = [];
  #made = 0;
  #dropped = 0;

  get size(): number {
    return this.#heap.length - this.#dropped;
  }

  /** Like {@link Agenda.size}, including dropped events that were not removed yet. */
  get weight(): number {
    return this.#heap.length;
  }

  /** Plans `act` for the time `at`; `Infinity` is not kept. */
  plan(at: number, act: () => void): Appointment {
    const appointment = { at, act, order: this.#made++, dropped: false };
    if (at < Number.POSITIVE_INFINITY) {
      this.#heap.push(appointment);
      this.#rise(this.#heap.length - 1);
    }
    return appointment;
  }

  drop(appointment: Appointment | null): void {
    if (appointment === null || appointment.dropped || appointment.at === Number.POSITIVE_INFINITY) return;
    appointment.dropped = true;
    this.#dropped++;
    // Dropped events far in the future must not accumulate.
    if (this.#dropped > 1000 && this.#dropped > this.#heap.length / 2) this.#sweep();
  }

  /** Removes and returns the earliest event that is not later than `now`. */
  take(now: number): Appointment | undefined {
    for (let first = this.#heap[0]; first !== undefined && first.at <= now; first = this.#heap[0]) {
      const last = this.#heap.pop() as Appointment;
      if (last !== first) {
        this.#heap[0] = last;
        this.#sink(0);
      }
      if (!first.dropped) {
        // Taken: a later drop of it must not be counted.
        first.dropped = true;
        return first;
      }
      this.#dropped--;
    }
    return undefined;
  }

  #sweep(): void {
    this.#heap = this.#heap.filter((appointment) => !appointment.dropped).sort(compare);
    this.#dropped = 0;
  }

  #rise(start: number): void {
    const heap = this.#heap;
    let index = start;
    const moving = heap[index] as Appointment;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above] as Appointment;
      if (compare(parent, moving) <= 0) break;
      heap[index] = parent;
      index = above;
    }
    heap[index] = moving;
  }

  #sink(start: number): void {
    const heap = this.#heap;
    let index = start;
    const moving = heap[index] as Appointment;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= heap.length) break;
      const right = heap[below + 1];
      if (right !== undefined && compare(right, heap[below] as Appointment) < 0) below++;
      const child = heap[below] as Appointment;
      if (compare(moving, child) <= 0) break;
      heap[index] = child;
      index = below;
    }
    heap[index] = moving;
  }
}

function compare(a: Appointment, b: Appointment): number {
  return a.at - b.at || a.order - b.order;
}

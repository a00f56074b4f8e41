/** A queue ordered by due time, the earliest first (a binary heap: 100,000 devices need one timer, not 100,000). */
export class DueQueue<T extends { dueAt: number }> {
  readonly #heap: T[] = [];

  /** The earliest entry; undefined where the queue is empty. */
  get first(): T | undefined {
    return this.#heap[0];
  }

  push(item: T): void {
    const heap = this.#heap;
    let place = heap.push(item) - 1;
    while (place > 0) {
      const above = (place - 1) >> 1;
      if (heap[above]!.dueAt <= item.dueAt) break;
      heap[place] = heap[above]!;
      place = above;
    }
    heap[place] = item;
  }

  /** Removes and returns the earliest entry. */
  shift(): T | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let place = 0;
    for (;;) {
      let below = 2 * place + 1;
      if (below + 1 < heap.length && heap[below + 1]!.dueAt < heap[below]!.dueAt) below++;
      if (below >= heap.length || heap[below]!.dueAt >= last.dueAt) break;
      heap[place] = heap[below]!;
      place = below;
    }
    heap[place] = last;
    return first;
  }
}

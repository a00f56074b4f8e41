import { setImmediate } from "node:timers/promises";

/** Time after which the event loop has its turn, in milliseconds. */
const SLICE_MS = 5;

/** Does long work that yields between its steps in slices, so that timers and connections are not blocked. */
export async function inSlices<T>(work: Generator<void, T>): Promise<T> {
  let began = performance.now();
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
    if (performance.now() - began < SLICE_MS) continue;
    await setImmediate();
    began = performance.now();
  }
}

import type { Clock } from "./clock.ts";

const CHECK_MS = 2000;
/** Maximum difference between wall and monotonic clock that is not a clock change, in milliseconds. */
export const CLOCK_TOLERANCE_MS = 1000;

/** Calls `onSet` with the milliseconds by which the wall clock was set, within seconds. Returns a function that ends the watch. */
export function watchClock(clock: Clock, onSet: (ms: number) => void): () => void {
  let offset = clock.now() - clock.monotonic();
  let cancel: () => void;
  const wait = () => {
    cancel = clock.after(CHECK_MS, () => {
      const by = clock.now() - clock.monotonic() - offset;
      if (Math.abs(by) > CLOCK_TOLERANCE_MS) {
        offset += by;
        onSet(by);
      }
      wait();
    });
  };
  wait();
  return () => cancel();
}

import type { Clock } from "./clock.ts";

const LOOK_MS = 2000;
/** Differences between wall and monotonic clock up to this are not a step, in milliseconds. */
export const CLOCK_TOLERANCE_MS = 1000;

/** Tells by how many milliseconds the wall clock was set, within seconds, until the function returned is called. */
export function watchClock(clock: Clock, onSet: (ms: number) => void): () => void {
  let offset = clock.now() - clock.monotonic();
  let cancel: () => void;
  const wait = () => {
    cancel = clock.after(LOOK_MS, () => {
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

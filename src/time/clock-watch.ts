import type { Clock } from "./clock.ts";

const LOOK_MS = 2000;
const TOLERANCE_MS = 1000;

/** Tells by how many milliseconds the wall clock was set, within seconds, until the function returned is called. */
export function watchClock(clock: Clock, onSet: (ms: number) => void): () => void {
  let offset = clock.now() - clock.monotonic();
  let cancel: () => void;
  const wait = () => {
    cancel = clock.after(LOOK_MS, () => {
      const by = clock.now() - clock.monotonic() - offset;
      if (Math.abs(by) > TOLERANCE_MS) {
        offset += by;
        onSet(by);
      }
      wait();
    });
  };
  wait();
  return () => cancel();
}

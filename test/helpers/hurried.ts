import { type Clock, systemClock } from "../../src/time/clock.ts";

/** A clock that lets nobody wait, and tells how long it would have been. */
export function hurried(waited: (ms: number) => void = () => {}): Clock {
  const after: Clock["after"] = (ms, callback) => {
    waited(ms);
    const immediate = setImmediate(callback);
    return () => clearImmediate(immediate);
  };
  return { ...systemClock, after };
}

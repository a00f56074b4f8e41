import { isDeepStrictEqual } from "node:util";
import { type Clock, pause } from "../time/clock.ts";
import type { EstateView } from "./contract.ts";

/** Interval of the views that are read without a known change, in milliseconds: a stream may be dead, and leases end unannounced. */
const LOOK_MS = 1000;
/** Pause after a failure, in milliseconds. */
const PAUSE_MS = 300;

export interface Watching {
  view(): Promise<EstateView>;
  /** Calls back after each change until the signal aborts; rejects when it cannot. It may miss some, but not for good. */
  changes(onChange: () => void, signal: AbortSignal): Promise<void>;
  onView(view: EstateView): void;
  onFailure(error: unknown): void;
  readonly clock: Clock;
  readonly closed: AbortSignal;
}

/** Calls `onView` with the view now and after each change. Returns a function that ends it. */
export function watching({ view, changes, onView, onFailure, clock, closed }: Watching): () => void {
  const ended = new AbortController();
  const signal = AbortSignal.any([ended.signal, closed]);
  let wake = new AbortController();
  let stream = new AbortController();
  let announced = false;
  const rest = (ms: number, until: AbortSignal) => pause(clock, ms, until).catch(() => {});
  const onChange = () => {
    announced = true;
    wake.abort();
  };

  const follow = async () => {
    while (!signal.aborted) {
      stream = new AbortController();
      try {
        await changes(onChange, AbortSignal.any([signal, stream.signal]));
      } catch (error) {
        if (signal.aborted) return;
        if (!stream.signal.aborted) onFailure(error);
      }
      await rest(PAUSE_MS, signal);
      onChange();
    }
  };
  const look = async () => {
    let last: EstateView | undefined;
    while (!signal.aborted) {
      wake = new AbortController();
      const expected = announced;
      announced = false;
      try {
        const seen = await view();
        if (signal.aborted) return;
        if (!isDeepStrictEqual(seen, last)) {
          const isFirst = last === undefined;
          last = seen;
          // The stream is dead, or the change has overtaken it: another one costs little.
          if (!expected && !announced && !isFirst) stream.abort();
          onView(seen);
        }
      } catch (error) {
        if (signal.aborted) return;
        onFailure(error);
        await rest(PAUSE_MS, signal);
      }
      if (!announced) await rest(LOOK_MS, AbortSignal.any([signal, wake.signal]));
    }
  };
  void follow();
  void look();
  return () => ended.abort();
}

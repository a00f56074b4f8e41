import { channel } from "node:diagnostics_channel";

interface Timer {
  at: number;
  everyMs: number | undefined;
  readonly callback: () => void;
}

const realNow = performance.now.bind(performance);

/**
 * Puts a time of our own in place of the process's clocks and timers, so that a day takes a minute. It moves only while
 * nothing is under way: no HTTP request, and no work on the event loop. To be called before anything else is loaded.
 */
export function takeTime(start: number) {
  let now = start;
  let requests = 0;
  const timers = new Set<Timer>();
  channel("undici:request:create").subscribe(() => requests++);
  channel("undici:request:trailers").subscribe(() => requests--);
  channel("undici:request:error").subscribe(() => requests--);

  const add = (callback: () => void, ms: number, everyMs?: number) => {
    const timer: Timer = { at: now + Math.max(1, ms || 0), everyMs, callback };
    timers.add(timer);
    const handle = {
      ref: () => handle,
      unref: () => handle,
      hasRef: () => true,
      refresh: () => {
        timer.at = now + Math.max(1, ms || 0);
        timers.add(timer);
        return handle;
      },
      close: () => timers.delete(timer),
      [Symbol.dispose]: () => void timers.delete(timer),
      [Symbol.toPrimitive]: () => 0,
      timer,
    };
    return handle;
  };
  const drop = (handle: { timer?: Timer } | undefined) => {
    if (handle?.timer) timers.delete(handle.timer);
  };
  const RealDate = Date;
  class VirtualDate extends RealDate {
    constructor(...args: [] | [number | string | Date]) {
      super(args.length === 0 ? now : args[0]);
    }
    static override now(): number {
      return now;
    }
  }
  Object.assign(globalThis, {
    Date: VirtualDate,
    setTimeout: (callback: (...a: unknown[]) => void, ms: number, ...args: unknown[]) =>
      add(() => callback(...args), ms),
    setInterval: (callback: (...a: unknown[]) => void, ms: number, ...args: unknown[]) =>
      add(() => callback(...args), ms, ms),
    clearTimeout: drop,
    clearInterval: drop,
  });
  performance.now = () => now - start;

  /** Nothing is under way any more. */
  async function settle(): Promise<void> {
    const since = realNow();
    for (let quiet = 0; quiet < 6; ) {
      await new Promise((resolve) => setImmediate(resolve));
      quiet = requests === 0 ? quiet + 1 : 0;
      if (realNow() - since > 30_000) throw new Error(`${requests} requests are never answered`);
    }
  }

  return {
    now: () => now,
    settle,
    /** Lets time pass, every timer at its own time. `onStep` is called whenever it has moved. */
    async pass(ms: number, onStep: () => void): Promise<void> {
      const end = now + ms;
      await settle();
      for (;;) {
        let next: Timer | undefined;
        for (const timer of timers) if (!next || timer.at < next.at) next = timer;
        if (!next || next.at > end) break;
        if (next.at > now) {
          now = next.at;
          onStep();
        }
        if (next.everyMs === undefined) timers.delete(next);
        else next.at = now + Math.max(1, next.everyMs);
        next.callback();
        await settle();
      }
      now = end;
      onStep();
    },
  };
}

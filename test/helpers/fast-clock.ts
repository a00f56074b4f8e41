/**
 * A wall clock that runs fast, the same in several processes. In a process that has FAST_CLOCK in its environment and loads this by
 * `node --import`, it is the one of `Date`, and {@link ROUND_SECONDS} of a timer are a tenth of a second.
 */
export interface FastClock {
  /** Its time at `since`, in milliseconds since 1970. */
  readonly from: number;
  /** Real time, in milliseconds since 1970. */
  readonly since: number;
  readonly speed: number;
  /** It stops here. */
  readonly until: number;
}

/** A wait that nothing else in the bridge has. */
export const ROUND_SECONDS = 1_000_000;
const ROUND_MS = 100;

const RealDate = Date;

export function fastTime({ from, since, speed, until }: FastClock): number {
  return Math.min(until, Math.floor(from + (RealDate.now() - since) * speed));
}

export function fastEnvironment(clock: FastClock): Record<string, string> {
  return {
    FAST_CLOCK: JSON.stringify(clock),
    NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ""} --import ${import.meta.url}`,
  };
}

if (process.env.FAST_CLOCK !== undefined) {
  const clock = JSON.parse(process.env.FAST_CLOCK) as FastClock;
  globalThis.Date = class extends RealDate {
    constructor(...args: [] | [number | string | Date]) {
      super(args.length === 0 ? fastTime(clock) : args[0]);
    }
    static override now(): number {
      return fastTime(clock);
    }
  } as DateConstructor;
  const realSetTimeout = setTimeout;
  const isRound = (ms: number) => ms > 900 * ROUND_SECONDS && ms <= 1000 * ROUND_SECONDS;
  globalThis.setTimeout = Object.assign(
    (callback: () => void, ms: number, ...args: []) =>
      realSetTimeout(callback, isRound(ms) ? ROUND_MS : ms, ...args),
    realSetTimeout,
  ) as typeof setTimeout;
}

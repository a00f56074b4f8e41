import type { Bus } from "../../bus.ts";
import type { Clock } from "../../time/clock.ts";

/** Length of the time over which the rate is taken, in minutes. */
const MINUTES = 10;
const MINUTE_MS = 60_000;

interface Counted {
  calls: number;
  errors: number;
  /** Of the last minutes, the newest last. */
  readonly minutes: { minute: number; calls: number; errors: number }[];
}

/** Calls of each account since the start of the bridge, and their rate in the last ten minutes. */
export class AccountCalls {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #startedAt: number;
  readonly #accounts = new Map<string, Counted>();
  readonly #unsubscribe: () => void;

  constructor(bus: Bus, clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
    this.#startedAt = clock.monotonic();
    this.#unsubscribe = bus.on("call", ({ driverType, account, isError }) => {
      const counted = this.#of(driverType, account);
      const minute = this.#minute();
      const last = counted.minutes.at(-1);
      const current = last?.minute === minute ? last : { minute, calls: 0, errors: 0 };
      if (current !== last) {
        counted.minutes.push(current);
        if (counted.minutes.length > MINUTES) counted.minutes.shift();
      }
      counted.calls++;
      current.calls++;
      if (!isError) return;
      counted.errors++;
      current.errors++;
    });
  }

  /** Returns the calls of an account; all 0 where it was never called. */
  of(driver: string, account: string) {
    const { calls, errors, minutes } = this.#accounts.get(keyOf(driver, account)) ?? NONE;
    const first = this.#minute() - MINUTES + 1;
    const recent = minutes.filter(({ minute }) => minute >= first);
    const sum = (of: "calls" | "errors") => recent.reduce((total, one) => total + one[of], 0);
    const elapsed = this.#clock.monotonic() - this.#startedAt;
    const span = Math.min(elapsed, (elapsed % MINUTE_MS) + (MINUTES - 1) * MINUTE_MS) / MINUTE_MS;
    return { calls, errors, perMinute: sum("calls") / Math.max(span, 1), recentErrors: sum("errors") };
  }

  stop(): void {
    this.#unsubscribe();
  }

  #minute(): number {
    return Math.floor((this.#clock.monotonic() - this.#startedAt) / MINUTE_MS);
  }

  #of(driver: string, account: string): Counted {
    const key = keyOf(driver, account);
    const found = this.#accounts.get(key) ?? { calls: 0, errors: 0, minutes: [] };
    this.#accounts.set(key, found);
    return found;
  }
}

const NONE = { calls: 0, errors: 0, minutes: [] } as const;

const keyOf = (driver: string, account: string): string => `${driver} ${account}`;

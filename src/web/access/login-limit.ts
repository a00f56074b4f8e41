import { isIPv6 } from "node:net";
import type { Clock } from "../../time/clock.ts";

/** Failed logins of one address: `burst` at once, then one in each period. */
const OF_ADDRESS = { burst: 10, periodMs: 60_000 };
/** Failed logins with one user name, from all addresses. Short, since strangers can lock a user out with it. */
const OF_NAME = { burst: 20, periodMs: 30_000 };
/** Maximum number of addresses, and of names, that are remembered. */
const MAX_KEYS = 10_000;

/** Limits how often passwords can be tried. Unknown user names count like known ones. */
export class LoginLimit {
  readonly #addresses: Allowance;
  readonly #names: Allowance;

  constructor(clock: Clock) {
    this.#addresses = new Allowance(clock, OF_ADDRESS);
    this.#names = new Allowance(clock, OF_NAME);
  }

  /** Takes one attempt. Returns the seconds until the next one if there is none. */
  take(address: string, name: string): number | undefined {
    const waitMs = this.#addresses.take(networkOf(address)) ?? this.#names.take(name);
    return waitMs === undefined ? undefined : Math.ceil(waitMs / 1000);
  }

  /** Gives an attempt back: the password was right, or was not checked. */
  giveBack(address: string, name: string): void {
    this.#addresses.giveBack(networkOf(address));
    this.#names.giveBack(name);
  }
}

/** Attempts by key, as the time at which all of them are available again. */
class Allowance {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #periodMs: number;
  readonly #fullAt = new Map<string, number>();

  constructor(clock: Clock, { burst, periodMs }: { readonly burst: number; readonly periodMs: number }) {
    this.#clock = clock;
    this.#burst = burst;
    this.#periodMs = periodMs;
  }

  /** Takes one attempt. Returns the time until the next one if there is none. */
  take(key: string): number | undefined {
    const now = this.#clock.monotonic();
    const fullAt = Math.max(this.#fullAt.get(key) ?? now, now);
    const waitMs = fullAt - now - (this.#burst - 1) * this.#periodMs;
    if (waitMs > 0) return waitMs;
    // The key moves to the end; the first one is that of the oldest attempt.
    this.#fullAt.delete(key);
    this.#fullAt.set(key, fullAt + this.#periodMs);
    if (this.#fullAt.size > MAX_KEYS) this.#fullAt.delete(this.#fullAt.keys().next().value!);
    return undefined;
  }

  giveBack(key: string): void {
    const fullAt = this.#fullAt.get(key);
    if (fullAt === undefined) return;
    if (fullAt - this.#periodMs <= this.#clock.monotonic()) this.#fullAt.delete(key);
    else this.#fullAt.set(key, fullAt - this.#periodMs);
  }
}

/** Returns the network of an address that one customer has: an IPv4 address, or 64 bits of IPv6. */
function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [head = "", tail] = address.replace(/%.*/, "").toLowerCase().split("::");
  const groups = head.split(":").filter((group) => group !== "");
  const after = tail?.split(":").filter((group) => group !== "") ?? [];
  const zeros =
    tail === undefined ? [] : new Array<string>(Math.max(0, 8 - groups.length - after.length)).fill("0");
  return [...groups, ...zeros, ...after]
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":");
}

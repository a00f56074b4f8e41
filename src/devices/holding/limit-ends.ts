import type { Bus } from "../../bus.ts";
import type { DeviceInfo } from "../../points/index.ts";
import { mayBeActive } from "./held-limit.ts";
import type { Entry, LimitBook } from "./limit-book.ts";

interface LimitEndsParts {
  readonly book: LimitBook;
  readonly bus: Bus;
  readonly devices: ReadonlyMap<string, { readonly info: DeviceInfo }>;
  /** Whether the bridge renews leases, so that they do not end. */
  readonly isRenewing: () => boolean;
}

/** Announces when the limits of each device end, at every change of the book of limits. */
export class LimitEndsWatch {
  readonly #parts: LimitEndsParts;
  readonly #changed = new Set<string>();
  readonly #stops: readonly (() => void)[];

  constructor(parts: LimitEndsParts) {
    this.#parts = parts;
    const { book } = parts;
    this.#stops = [
      book.onChange((id) => this.#noteChange((JSON.parse(id) as [device: string, key: string])[0])),
      book.onTimesMoved(() => this.announceAll()),
    ];
  }

  stop(): void {
    for (const stop of this.#stops) stop();
    this.#changed.clear();
  }

  /** Announces every device with limits. Call it when leases are renewed from now on, or are no longer. */
  announceAll(): void {
    for (const { limit } of this.#parts.book.entries()) this.#noteChange(limit.device);
  }

  endsOf(device: string): ReadonlyMap<string, Date | null> {
    const { book, isRenewing } = this.#parts;
    const ends = new Map<string, Date | null>();
    for (const entry of book.entries(device)) {
      const limit = settled(entry);
      if (!limit) continue;
      const { endsAt, leaseSeconds, point } = limit;
      const isEndless = endsAt === undefined || (leaseSeconds !== undefined && isRenewing());
      ends.set(point, isEndless ? null : new Date(endsAt));
    }
    return ends;
  }

  /** A write changes several entries in one go: they are announced together. */
  #noteChange(device: string): void {
    if (this.#changed.size === 0) queueMicrotask(() => this.#announce());
    this.#changed.add(device);
  }

  #announce(): void {
    const { bus, devices } = this.#parts;
    const changed = [...this.#changed];
    this.#changed.clear();
    for (const path of changed) {
      const device = devices.get(path)?.info;
      if (device) bus.emit("limitEnds", { device, ends: this.endsOf(path) });
    }
  }
}

/** Returns the limit that is, or may be, in force while a write of another is being sent. */
function settled({ limit }: Entry): Entry["limit"] | undefined {
  const known = limit.state === "sent" && !limit.clearing ? limit.before : limit;
  return mayBeActive(known) ? known : undefined;
}

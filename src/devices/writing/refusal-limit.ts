import { Bus, type BusEvents } from "../../bus.ts";
import type { Write } from "../../points/index.ts";
import type { Clock } from "../../time/clock.ts";

const WINDOW_MS = 60_000;
/** Number of refusals of one requester at one point that are recorded individually in each window. */
const SINGLE_RECORDS = 10;
/** Maximum number of pairs of requester and point that are tracked: requesters may invent names. */
const MAX_PAIRS = 1000;

interface Window {
  records: number;
  /** Refusals that are only counted. */
  counted: number;
  last: Write;
}

/**
 * The bus for the writing parts. Each refused write goes to the bus, and from there into the log and the audit, but of many
 * refusals of one requester at one point only the first ten per minute do so individually. The others become one write with
 * their number ({@link Write.count}) at the end of the minute. A write that the device's driver refused after it was
 * announced is always recorded. Answers to requesters do not pass through here.
 */
export class RefusalLimit extends Bus {
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #windows = new Map<string, Window>();
  readonly #timers = new Set<() => void>();
  /** Announced writes: their answers belong to something that is recorded already. */
  readonly #announced = new Set<string>();

  constructor(bus: Bus, clock: Clock) {
    super(() => undefined);
    this.#bus = bus;
    this.#clock = clock;
  }

  override on: Bus["on"] = (event, listener) => this.#bus.on(event, listener);

  override emit<K extends keyof BusEvents>(event: K, value: BusEvents[K]): void {
    if (event !== "write" || !this.#isCounted(value as Write)) this.#bus.emit(event, value);
  }

  /** Records the refusals that were only counted so far. */
  stop(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    for (const key of [...this.#windows.keys()]) this.#end(key);
  }

  #isCounted(write: Write): boolean {
    const id = JSON.stringify([write.requester, write.id]);
    if (write.status === undefined) this.#announced.add(id);
    else if (this.#announced.delete(id)) return false;
    if (write.status !== "refused") return false;
    const key = this.#keyOf(write);
    const known = this.#windows.get(key);
    const window = known ?? { records: 0, counted: 0, last: write };
    if (!known) this.#open(key, window);
    window.last = write;
    if (window.records >= SINGLE_RECORDS) {
      window.counted++;
      return true;
    }
    window.records++;
    return false;
  }

  #keyOf({ requester, device, point = "" }: Write): string {
    const key = JSON.stringify([requester, device.path, point]);
    return this.#windows.has(key) || this.#windows.size < MAX_PAIRS ? key : "";
  }

  #open(key: string, window: Window): void {
    this.#windows.set(key, window);
    const cancel = this.#clock.after(WINDOW_MS, () => {
      this.#timers.delete(cancel);
      this.#end(key);
    });
    this.#timers.add(cancel);
  }

  #end(key: string): void {
    const window = this.#windows.get(key);
    this.#windows.delete(key);
    if (!window || window.counted === 0) return;
    const { counted: count, last } = window;
    const whose =
      key === "" ? "many requesters or points, the last one this" : "this requester at this point";
    const text = `${count} more refused within a minute, of ${whose}; the last: ${last.text ?? last.error ?? ""}`;
    this.#bus.emit("write", { ...last, at: new Date(this.#clock.now()), text, count });
  }
}

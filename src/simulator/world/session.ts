import { acceptedKw, kwAt, kwhAt, type Stretch } from "./curve.ts";
import type { Limit } from "./limit.ts";
import type { Visit } from "./visit.ts";

/** Why a session ended, in the words that networks use (guide §6.1.3). */
export type EndedBy = "Plug Out at Vehicle" | "Customer" | "Timeout" | "Station Offline";

/**
 * From plugging in to plugging out. Its load history is complete and exact, so energy, duration and load can be
 * told for every instant, and for every interval in between.
 */
export class Session {
  readonly id: number;
  readonly stationID: string;
  readonly portNumber: string;
  readonly visit: Visit;
  readonly startedAt: number;
  endedAt: number | null = null;
  endedBy: EndedBy | null = null;
  /** Number of the transaction that its end brought about; null while under way, and where charging is free. */
  transactionID: number | null = null;
  /** Limit of a load shed event that its driver does not take part in, since then. */
  optedOutOf: Limit | null = null;
  optedOutAt: number | null = null;
  readonly #history: Stretch[] = [];

  constructor(id: number, stationID: string, portNumber: string, visit: Visit, startedAt: number) {
    this.id = id;
    this.stationID = stationID;
    this.portNumber = portNumber;
    this.visit = visit;
    this.startedAt = startedAt;
    this.#history.push({ from: startedAt, kw: 0, decayPerHour: 0, kwh: 0 });
  }

  get history(): readonly Stretch[] {
    return this.#history;
  }

  get current(): Stretch {
    return this.#history[this.#history.length - 1] as Stretch;
  }

  /** From `stretch.from` on the load follows `stretch`. */
  continueWith(stretch: Stretch): void {
    if (this.current.from === stretch.from) this.#history.pop();
    this.#history.push(stretch);
  }

  kwAt(time: number): number {
    if (time < this.startedAt || (this.endedAt !== null && time >= this.endedAt)) return 0;
    return kwAt(this.#stretchAt(time), time);
  }

  /** Energy delivered up to a time; 0 before the session. */
  kwhAt(time: number): number {
    if (time <= this.startedAt) return 0;
    const within = this.#within(time);
    return kwhAt(this.#stretchAt(within), within);
  }

  /** State of charge of the vehicle, in percent. */
  batteryPercentAt(time: number): number {
    const { startPercent, batteryKwh } = this.visit;
    return Math.min(100, startPercent + (100 * this.kwhAt(time)) / batteryKwh);
  }

  /** Whether the vehicle takes no more, by itself and not for a limit. */
  isFullAt(time: number): boolean {
    return acceptedKw(this.visit.acceptance, this.kwhAt(time)) === 0;
  }

  /** Time with current flowing, up to a time. */
  chargingMsAt(time: number): number {
    const within = this.#within(time);
    return this.#history.reduce((sum, stretch, index) => {
      const end = Math.min(within, this.#history[index + 1]?.from ?? within);
      return stretch.kw > 0 && end > stretch.from ? sum + end - stretch.from : sum;
    }, 0);
  }

  durationMsAt(time: number): number {
    return Math.max(0, this.#within(time) - this.startedAt);
  }

  #within(time: number): number {
    return this.endedAt === null ? time : Math.min(time, this.endedAt);
  }

  #stretchAt(time: number): Stretch {
    let index = this.#history.length - 1;
    while (index > 0 && (this.#history[index] as Stretch).from > time) index--;
    return this.#history[index] as Stretch;
  }
}

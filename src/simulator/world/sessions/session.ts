import { acceptedKw, kwAt, kwhAt, type Stretch } from "./curve.ts";
import type { Limit } from "./limit.ts";
import type { Visit } from "./visit.ts";

/** Why a session ended, in the networks' terms (guide §6.1.3). */
export type EndedBy = "Plug Out at Vehicle" | "Customer" | "Timeout" | "Station Offline";

/**
 * A session from plugging in to plugging out. Its load history is complete and exact, so energy, duration and load are
 * known for every instant and interval.
 */
export class Session {
  readonly id: number;
  readonly stationID: string;
  readonly portNumber: string;
  readonly visit: Visit;
  readonly startedAt: number;
  endedAt: number | null = null;
  endedBy: EndedBy | null = null;
  /** Number of its transaction; null while active, and where charging is free. */
  transactionID: number | null = null;
  /** Limit of a load shed event that its driver has opted out of, since then. */
  optedOutOf: Limit | null = null;
  optedOutAt: number | null = null;
  readonly #history = new LoadHistory();

  constructor(id: number, stationID: string, portNumber: string, visit: Visit, startedAt: number) {
    this.id = id;
    this.stationID = stationID;
    this.portNumber = portNumber;
    this.visit = visit;
    this.startedAt = startedAt;
    this.#history.add({ from: startedAt, kw: 0, decayPerHour: 0, kwh: 0 });
  }

  get history(): readonly Stretch[] {
    return Array.from({ length: this.#history.length }, (_, index) => this.#history.at(index));
  }

  get current(): Stretch {
    return this.#history.last;
  }

  /** From `stretch.from` on the load follows `stretch`. */
  continueWith(stretch: Stretch): void {
    this.#history.add(stretch);
  }

  end(at: number, by: EndedBy): void {
    this.endedAt = at;
    this.endedBy = by;
    this.optedOutOf = null;
    this.#history.close();
  }

  kwAt(time: number): number {
    if (time < this.startedAt || (this.endedAt !== null && time >= this.endedAt)) return 0;
    return kwAt(this.#history.during(time), time);
  }

  /** Energy delivered up to a time; 0 before the session. */
  kwhAt(time: number): number {
    if (time <= this.startedAt) return 0;
    const within = this.#within(time);
    return kwhAt(this.#history.during(within), within);
  }

  /** State of charge of the vehicle, in percent. */
  batteryPercentAt(time: number): number {
    const { startPercent, batteryKwh } = this.visit;
    return Math.min(100, startPercent + (100 * this.kwhAt(time)) / batteryKwh);
  }

  /** Whether the vehicle accepts no more, regardless of limits. */
  isFullAt(time: number): boolean {
    return acceptedKw(this.visit.acceptance, this.kwhAt(time)) === 0;
  }

  /** Time with current flowing, until a time. */
  chargingMsAt(time: number): number {
    const within = this.#within(time);
    return this.history.reduce((sum, stretch, index, all) => {
      const end = Math.min(within, all[index + 1]?.from ?? within);
      return stretch.kw > 0 && end > stretch.from ? sum + end - stretch.from : sum;
    }, 0);
  }

  durationMsAt(time: number): number {
    return Math.max(0, this.#within(time) - this.startedAt);
  }

  #within(time: number): number {
    return this.endedAt === null ? time : Math.min(time, this.endedAt);
  }
}

const FIELDS = 4;

/**
 * The sections of a session's load, oldest first, kept as plain numbers, field after field: there are hundreds of thousands
 * of sessions, and an object for each section would be three times as large.
 */
class LoadHistory {
  #fields: number[] = [];

  get length(): number {
    return this.#fields.length / FIELDS;
  }

  at(index: number): Stretch {
    const fields = this.#fields;
    const at = index * FIELDS;
    return { from: fields[at]!, kw: fields[at + 1]!, decayPerHour: fields[at + 2]!, kwh: fields[at + 3]! };
  }

  get last(): Stretch {
    return this.at(this.length - 1);
  }

  /** Returns the section that contains a time; the first where it is before all. */
  during(time: number): Stretch {
    let index = this.length - 1;
    while (index > 0 && this.#fields[index * FIELDS]! > time) index--;
    return this.at(index);
  }

  /** Adds a section; one that begins when the last one began replaces it. */
  add({ from, kw, decayPerHour, kwh }: Stretch): void {
    const last = this.#fields.length - FIELDS;
    if (last >= 0 && this.#fields[last] === from) this.#fields.length = last;
    this.#fields.push(from, kw, decayPerHour, kwh);
  }

  /** Releases the memory reserved for more. */
  close(): void {
    this.#fields = this.#fields.slice();
  }
}

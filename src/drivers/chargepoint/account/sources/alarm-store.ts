import type { PointValue } from "../../../../points/index.ts";
import type { DriverState } from "../../../driver.ts";
import type { AlarmsAnswer } from "../answers.ts";
import { newestBy } from "../newest.ts";

type Alarm = AlarmsAnswer[number];

/** Number of the newest alarms kept of each station, beside the newest of each port. */
export const MOST_OF_STATION = 50;
/** Maximum number of alarms kept on disk; an account with more starts with a complete walk after a restart. */
const MAX_KEPT = 5000;

interface Kept {
  readonly wholeAtMs: number;
  readonly pages: number;
  /** `[stationID, portNumber, alarmType, alarmTime]`. */
  readonly newest: readonly (readonly [string, string | null, string | null, string | null])[];
}

function isKept(value: unknown): value is Kept {
  const { wholeAtMs, pages, newest } = (value ?? {}) as Partial<Kept>;
  if (!Number.isFinite(wholeAtMs) || !Number.isFinite(pages) || !Array.isArray(newest)) return false;
  return newest.every(
    (alarm) =>
      Array.isArray(alarm) &&
      typeof alarm[0] === "string" &&
      alarm.slice(1).every((part) => part === null || typeof part === "string"),
  );
}

/** The newest alarms of each station, and the time after which there can be newer ones. Survives a restart. */
export class AlarmStore {
  readonly #state: DriverState;
  readonly #key: string;
  #newest = new Map<string, readonly Alarm[]>();
  #changed = false;
  #loaded = false;
  #wholeAtMs = Number.NEGATIVE_INFINITY;
  #pages = 0;

  constructor(state: DriverState, key: string) {
    this.#state = state;
    this.#key = key;
  }

  /** When the last complete walk began, milliseconds since 1970. */
  get wholeAtMs(): number {
    this.#load();
    return this.#wholeAtMs;
  }

  /** Number of pages of that walk; 0 before the first. */
  get pages(): number {
    this.#load();
    return this.#pages;
  }

  /** Time of the newest known alarm. */
  get until(): string | null {
    this.#load();
    const all = [...this.#newest.values()].flat();
    return newestBy(all, ({ alarmTime }) => alarmTime)?.alarmTime ?? null;
  }

  /** Returns the same list until it changes. */
  of(stationID: string): AlarmsAnswer {
    this.#load();
    return this.#newest.get(stationID) ?? NONE;
  }

  put(stationID: string, alarms: readonly Alarm[]): void {
    this.#load();
    if (same(alarms, this.of(stationID))) return;
    if (alarms.length === 0) this.#newest.delete(stationID);
    else this.#newest.set(stationID, alarms);
    this.#changed = true;
  }

  /** Replaces all alarms by those of a complete walk. */
  replace(newest: Iterable<readonly [string, readonly Alarm[]]>, atMs: number, pages: number): void {
    this.#loaded = true;
    const before = this.#newest;
    this.#newest = new Map();
    for (const [stationID, alarms] of newest) {
      const known = before.get(stationID);
      this.#newest.set(stationID, known && same(known, alarms) ? known : alarms);
    }
    this.#wholeAtMs = atMs;
    this.#pages = pages;
    this.#changed = true;
  }

  /** Saves the alarms. An account with a single page reads it completely in each round, so nothing is saved for it. */
  save(): void {
    if (!this.#changed) return;
    this.#changed = false;
    const newest = [...this.#newest].flatMap(([stationID, alarms]) =>
      alarms.map(
        ({ portNumber, alarmType, alarmTime }) => [stationID, portNumber, alarmType, alarmTime] as const,
      ),
    );
    const kept: Kept | null =
      this.#pages > 1 && newest.length <= MAX_KEPT
        ? { wholeAtMs: this.#wholeAtMs, pages: this.#pages, newest }
        : null;
    if (kept === null && this.#state.get(this.#key) === null) return;
    this.#state.set(this.#key, kept as Record<string, unknown> | null as PointValue);
  }

  #load(): void {
    if (this.#loaded) return;
    this.#loaded = true;
    const kept = this.#state.get(this.#key);
    // Without a valid saved state, the account's alarms are walked once from the beginning.
    if (!isKept(kept)) return;
    this.#wholeAtMs = kept.wholeAtMs;
    this.#pages = kept.pages;
    for (const [stationID, portNumber, alarmType, alarmTime] of kept.newest) {
      const alarm = { ...NOTHING, stationID, portNumber, alarmType, alarmTime };
      this.#newest.set(stationID, [...(this.#newest.get(stationID) ?? []), alarm]);
    }
  }
}

function same(one: readonly Alarm[], other: readonly Alarm[]): boolean {
  const text = (alarms: readonly Alarm[]) =>
    JSON.stringify(alarms.map((alarm) => [alarm.portNumber, alarm.alarmType, alarm.alarmTime]));
  return text(one) === text(other);
}

const NONE: AlarmsAnswer = [];

/** Fields of an alarm that are not saved because no register reads them. */
const NOTHING: Alarm = {
  stationID: null,
  stationName: null,
  stationModel: null,
  orgID: null,
  companyID: null,
  organizationName: null,
  stationManufacturer: null,
  stationSerialNum: null,
  portNumber: null,
  alarmType: null,
  alarmTime: null,
  recordNumber: null,
  sgID: null,
  stationModelNum: null,
};

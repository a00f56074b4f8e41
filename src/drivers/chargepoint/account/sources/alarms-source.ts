import type { Clock } from "../../../../time/clock.ts";
import type { ChargePointClient } from "../../api/client.ts";
import { ApiError } from "../../api/errors.ts";
import { getAlarms } from "../../api/operations/get-alarms.ts";
import type { AlarmsAnswer } from "../answers.ts";
import { newestBy, orderOf } from "../newest.ts";
import type { Batch, Source } from "../reads/gathered-reads.ts";
import { own } from "../reads/station-missing.ts";
import { AccountWalk, collect, walk } from "../reads/walk.ts";
import { type AlarmStore, MOST_OF_STATION } from "./alarm-store.ts";

type Alarm = AlarmsAnswer[number];

/** Maximum time for which an alarm that was cleared elsewhere is still shown, in seconds. */
export const WHOLE_WALK_SECONDS = 900;
/** Overlap of two rounds, in seconds: a station that was unreachable reports its alarms late. */
const OVERLAP_SECONDS = 600;

export interface AlarmsSourceOptions {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly store: AlarmStore;
  /** Called when the account may not read alarms, or not those of a station. */
  readonly onForbidden: (error: ApiError) => void;
}

/**
 * Reads getAlarms for the whole account. The service lists the alarms that were not cleared, so only a complete walk shows
 * that one is gone. Where all fit into one page, every round is a complete walk; otherwise a round asks from the newest
 * alarm on, and a complete walk follows every 15 minutes. A clear through this bridge takes effect at once.
 */
export class AlarmsSource implements Source<AlarmsAnswer> {
  readonly #client: Pick<ChargePointClient, "call">;
  readonly #options: AlarmsSourceOptions;
  readonly #walk: AccountWalk<AlarmsAnswer>;
  /** Stations whose stored alarms may be outdated, and when that was last noted. */
  readonly #unsure = new Map<string, number>();
  #marks = 0;

  constructor(client: Pick<ChargePointClient, "call">, options: AlarmsSourceOptions) {
    this.#client = client;
    this.#options = options;
    this.#walk = new AccountWalk(options.clock, (id) => this.fetchAlone(id));
  }

  async fetchAlone(stationID: string): Promise<AlarmsAnswer> {
    const mark = this.#unsure.get(stationID);
    const all = await this.#reported(collect(this.#client, getAlarms, { stationID }, this.#options.signal));
    const alarms = newestOf(own(getAlarms.name, stationID, all));
    if (this.#unsure.get(stationID) === mark) {
      this.#unsure.delete(stationID);
      this.#options.store.put(stationID, alarms);
    }
    return alarms;
  }

  forget(stationID: string): void {
    this.#unsure.set(stationID, ++this.#marks);
  }

  async fetch(batch: Batch<AlarmsAnswer>): Promise<void> {
    await Promise.all(batch.wanted.filter((id) => this.#unsure.has(id)).map((id) => this.#one(id, batch)));
    if (batch.missing().length === 0) return;
    await this.#walk.read(batch, (maxPages) => this.#reported(this.#wholeOrNew(batch, maxPages)));
  }

  async #reported<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (error instanceof ApiError && error.kind === "forbidden") this.#options.onForbidden(error);
      throw error;
    }
  }

  async #one(stationID: string, batch: Batch<AlarmsAnswer>): Promise<void> {
    try {
      batch.answer(stationID, await this.fetchAlone(stationID));
    } catch (error) {
      batch.fail(stationID, error);
    }
  }

  async #wholeOrNew(batch: Batch<AlarmsAnswer>, maxPages: number): Promise<number | undefined> {
    const { store, signal, clock } = this.#options;
    const at = clock.now();
    const whole = store.pages <= 1 || at - store.wholeAtMs >= WHOLE_WALK_SECONDS * 1000;
    const query = whole || store.until === null ? {} : { startTime: earlier(store.until) };
    const found = new Map<string, Alarm[]>();
    const pages = await walk(this.#client, getAlarms, query, { signal, maxPages }, (alarm): boolean => {
      if (alarm.stationID === null) return true;
      const alarms = found.get(alarm.stationID) ?? [];
      alarms.push(alarm);
      found.set(alarm.stationID, alarms.length < 2 * MOST_OF_STATION ? alarms : newestOf(alarms));
      return true;
    });
    if (pages === undefined) return undefined;
    const sure = [...found]
      .filter(([id]) => !this.#unsure.has(id))
      .map(([id, alarms]) => [id, newestOf(alarms)] as const);
    if (whole) store.replace(sure, at, pages);
    else for (const [id, alarms] of sure) store.put(id, newestOf([...store.of(id), ...alarms]));
    store.save();
    for (const id of batch.missing()) if (!this.#unsure.has(id)) batch.answer(id, store.of(id));
    return pages;
  }
}

/** Returns the newest alarms, each once, and the newest of every port and of the station itself. */
function newestOf(alarms: readonly Alarm[]): Alarm[] {
  const once = new Map(alarms.map((alarm) => [identity(alarm), alarm]));
  const byPort = Map.groupBy(once.values(), (alarm) => alarm.portNumber);
  const ofPorts = [...byPort.values()].map((ofPort) => newestBy(ofPort, (alarm) => alarm.alarmTime)!);
  const newest = [...once.values()].sort((one, other) => orderOf(other.alarmTime) - orderOf(one.alarmTime));
  return [...new Set([...newest.slice(0, MOST_OF_STATION), ...ofPorts])];
}

function identity({ portNumber, alarmType, alarmTime }: Alarm): string {
  return JSON.stringify([portNumber, alarmType, alarmTime]);
}

function earlier(time: string): string {
  const at = new Date(new Date(time).getTime() - OVERLAP_SECONDS * 1000);
  return at.toISOString().replace(/\.\d+Z$/, "Z");
}

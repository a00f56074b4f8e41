import type { Clock } from "../../../../time/clock.ts";
import type { ChargePointClient } from "../../api/client.ts";
import { getAlarms } from "../../api/operations/get-alarms.ts";
import type { AlarmsAnswer } from "../answers.ts";
import { newestBy } from "../newest.ts";
import type { Batch, Source } from "../reads/gathered-reads.ts";
import { own } from "../reads/station-missing.ts";
import { AccountWalk, collect, walk } from "../reads/walk.ts";
import type { AlarmStore } from "./alarm-store.ts";

type Alarm = AlarmsAnswer[number];

/** Maximum time for which an alarm that was cleared elsewhere is still shown, in seconds. */
export const WHOLE_WALK_SECONDS = 900;
/** Overlap of two rounds, in seconds: a station that was unreachable reports its alarms late. */
const OVERLAP_SECONDS = 600;

export interface AlarmsSourceOptions {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly store: AlarmStore;
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
    const all = await collect(this.#client, getAlarms, { stationID }, this.#options.signal);
    const alarms = newestOfPorts(own(getAlarms.name, stationID, all));
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
    await this.#walk.read(batch, (maxPages) => this.#wholeOrNew(batch, maxPages));
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
      const others = found.get(alarm.stationID) ?? [];
      found.set(alarm.stationID, newestOfPorts([...others, alarm]));
      return true;
    });
    if (pages === undefined) return undefined;
    const sure = [...found].filter(([id]) => !this.#unsure.has(id));
    if (whole) store.replace(sure, at, pages);
    else for (const [id, alarms] of sure) store.put(id, newestOfPorts([...store.of(id), ...alarms]));
    store.save();
    for (const id of batch.missing()) if (!this.#unsure.has(id)) batch.answer(id, store.of(id));
    return pages;
  }
}

/** Returns the newest alarm of every port, and of the station itself. */
function newestOfPorts(alarms: readonly Alarm[]): Alarm[] {
  const byPort = Map.groupBy(alarms, (alarm) => alarm.portNumber);
  return [...byPort.values()].flatMap((ofPort) => newestBy(ofPort, (alarm) => alarm.alarmTime) ?? []);
}

function earlier(time: string): string {
  const at = new Date(new Date(time).getTime() - OVERLAP_SECONDS * 1000);
  return at.toISOString().replace(/\.\d+Z$/, "Z");
}

import type { ChargePointClient } from "../../api/client.ts";
import { getLoad } from "../../api/operations/get-load.ts";
import type { LoadAnswer } from "../answers.ts";
import { dispatchAnswers } from "../reads/dispatch-answers.ts";
import type { Batch, Source } from "../reads/gathered-reads.ts";
import { type Cover, coverByGroups, isWorthIt, type StationGroup } from "../reads/group-cover.ts";
import type { RoundReaders } from "../reads/round-readers.ts";
import type { StationGroups } from "../reads/station-groups.ts";
import { pick } from "../reads/station-missing.ts";
import { concernsAll } from "../reads/walk.ts";

/** What is kept of the load of a station without limits. */
const UNLIMITED: LoadAnswer = {
  ...{ stationID: null, stationName: null, Address: null, stationLoad: null },
  Port: [],
};

/** Reads getLoad by station groups where that takes fewer calls, by station for the rest. */
export class LoadSource implements Source<LoadAnswer> {
  /** After a scrape the limits in the answer are compared with those that are held; most stations have none. */
  readonly spent = {
    remains: (answer: LoadAnswer) =>
      answer.Port.some(({ shedState }) => shedState === 1) ? answer : UNLIMITED,
  };
  readonly #client: Pick<ChargePointClient, "call">;
  readonly #signal: AbortSignal;
  readonly #groups: StationGroups;
  /** The stations that are read in rounds. */
  readonly #readers: () => RoundReaders<LoadAnswer>;
  #cover: (Cover & { readonly of: string }) | undefined;

  constructor(
    client: Pick<ChargePointClient, "call">,
    signal: AbortSignal,
    groups: StationGroups,
    readers: () => RoundReaders<LoadAnswer>,
  ) {
    this.#client = client;
    this.#signal = signal;
    this.#groups = groups;
    this.#readers = readers;
  }

  async fetchAlone(stationID: string): Promise<LoadAnswer> {
    return pick(getLoad.name, stationID, await this.#ask({ stationID }));
  }

  async prepare(): Promise<void> {
    const { size } = this.#readers();
    if (size > 1) await this.#groups.learn(size);
  }

  async fetch(batch: Batch<LoadAnswer>): Promise<void> {
    const { groupOf } = this.#freshCover();
    const groups = new Set(batch.wanted.flatMap((id) => groupOf.get(id) ?? []));
    const byGroup = new Map<StationGroup, string[]>();
    for (const group of groups) {
      const stations = [...group.stationIDs].filter((id) => groupOf.get(id) === group && batch.include(id));
      if (isWorthIt(group, stations.length)) byGroup.set(group, stations);
    }
    const grouped = new Set([...byGroup.values()].flat());
    // Stations of a group that is not worth a call are in the batch now, so they are read one by one.
    const single = batch.missing().filter((id) => !grouped.has(id));
    await Promise.all([
      ...[...byGroup].map(([group, stations]) => this.#group(group, stations, batch)),
      ...single.map((id) => this.#single(id, batch)),
    ]);
  }

  #freshCover(): Cover {
    const of = `${this.#groups.version} ${this.#readers().version}`;
    if (this.#cover?.of !== of)
      this.#cover = { ...coverByGroups(this.#readers().stationIDs(), this.#groups.groups), of };
    return this.#cover;
  }

  async #group(group: StationGroup, stations: readonly string[], batch: Batch<LoadAnswer>): Promise<void> {
    let records: readonly LoadAnswer[];
    try {
      records = await this.#ask({ sgID: group.sgID });
    } catch (error) {
      if (concernsAll(error) || this.#signal.aborted) {
        for (const id of stations) batch.fail(id, error);
        return;
      }
      this.#groups.leaveOut(group, error);
      records = [];
    }
    await dispatchAnswers(records, (record) => {
      if (record.stationID !== null) batch.answer(record.stationID, record);
    });
    const left = stations.filter((id) => batch.isMissing(id));
    if (records.length > 0 && left.length > 0) this.#groups.stale();
    await Promise.all(left.map((id) => this.#single(id, batch)));
  }

  async #single(stationID: string, batch: Batch<LoadAnswer>): Promise<void> {
    try {
      batch.answer(stationID, await this.fetchAlone(stationID));
    } catch (error) {
      batch.fail(stationID, error);
    }
  }

  async #ask(searchQuery: { stationID: string } | { sgID: number }): Promise<readonly LoadAnswer[]> {
    return (await this.#client.call(getLoad, { searchQuery }, { signal: this.#signal })).stationData;
  }
}

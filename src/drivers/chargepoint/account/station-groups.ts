import type { ChargePointClient } from "../api/client.ts";
import { getOrgsAndStationGroups } from "../api/operations/get-orgs-and-station-groups.ts";
import { getStationGroups } from "../api/operations/get-station-groups.ts";
import type { StationGroup } from "./group-cover.ts";

const REFRESH_SECONDS = 3600;
/** After a failure, or when the groups turned out to be other than they were. */
const SOON_SECONDS = 300;
const MOST_ORGANISATIONS = 50;

export interface StationGroupsOptions {
  readonly now: () => number;
  readonly signal: AbortSignal;
  /** Told when the groups could not be had, the first time. */
  readonly onFailure: (error: unknown) => void;
}

/** The station groups that an account may read, learnt when they are first needed and renewed every hour. */
export class StationGroups {
  readonly #client: Pick<ChargePointClient, "call">;
  readonly #options: StationGroupsOptions;
  #groups: readonly StationGroup[] = [];
  #version = 0;
  #learning: Promise<void> | undefined;
  #learntAt = Number.NEGATIVE_INFINITY;
  #dueAt = Number.NEGATIVE_INFINITY;
  #failed = false;

  constructor(client: Pick<ChargePointClient, "call">, options: StationGroupsOptions) {
    this.#client = client;
    this.#options = options;
  }

  get groups(): readonly StationGroup[] {
    return this.#groups;
  }

  /** Grows when the groups change. */
  get version(): number {
    return this.#version;
  }

  /** Waits for the first time only; later renewals go on beside the reads. Never rejects. */
  async learn(): Promise<void> {
    const first = this.#learntAt === Number.NEGATIVE_INFINITY;
    if (this.#options.now() >= this.#dueAt) this.#learning ??= this.#renew();
    if (first) await this.#learning;
  }

  /** A group answered other than expected: it is left out, and all are soon learnt anew. */
  leaveOut(group: StationGroup): void {
    this.#set(this.#groups.filter((other) => other.sgID !== group.sgID));
    this.stale();
  }

  stale(): void {
    this.#dueAt = Math.min(this.#dueAt, this.#learntAt + SOON_SECONDS);
  }

  async #renew(): Promise<void> {
    const { now, onFailure } = this.#options;
    try {
      this.#set(await this.#read());
      this.#dueAt = now() + REFRESH_SECONDS;
      this.#failed = false;
    } catch (error) {
      this.#dueAt = now() + SOON_SECONDS;
      if (!this.#failed) onFailure(error);
      this.#failed = true;
    }
    this.#learntAt = now();
    this.#learning = undefined;
  }

  #set(groups: readonly StationGroup[]): void {
    this.#groups = groups;
    this.#version += 1;
  }

  async #read(): Promise<StationGroup[]> {
    const { signal } = this.#options;
    const { orgData } = await this.#client.call(getOrgsAndStationGroups, { searchQuery: {} }, { signal });
    const parents = new Map<number, number>();
    const direct = new Map<number, string[]>();
    for (const { sgID, parentGroupID } of orgData.flatMap(({ sgData }) => sgData)) {
      if (sgID !== null && Number(parentGroupID ?? 0) > 0) parents.set(sgID, Number(parentGroupID));
    }
    for (const { orgID } of orgData.slice(0, MOST_ORGANISATIONS)) {
      if (orgID === null) continue;
      const { groupData } = await this.#client.call(getStationGroups, { orgID }, { signal });
      for (const { sgID, stationData } of groupData) {
        if (sgID !== null)
          direct.set(
            sgID,
            stationData.flatMap(({ stationID }) => stationID ?? []),
          );
      }
    }
    return withInner(direct, parents);
  }
}

/** Stations of a nested group are in the outer one too. */
function withInner(
  direct: ReadonlyMap<number, readonly string[]>,
  parents: ReadonlyMap<number, number>,
): StationGroup[] {
  const all = new Map([...direct].map(([sgID, stationIDs]) => [sgID, new Set(stationIDs)]));
  for (const [sgID, stationIDs] of direct) {
    const seen = new Set([sgID]);
    for (let outer = parents.get(sgID); outer !== undefined && !seen.has(outer); outer = parents.get(outer)) {
      seen.add(outer);
      for (const id of stationIDs) all.get(outer)?.add(id);
    }
  }
  return [...all]
    .filter(([, stationIDs]) => stationIDs.size > 0)
    .map(([sgID, stationIDs]) => ({ sgID, stationIDs }));
}

import { type Clock, secondsOn } from "../../../../time/clock.ts";
import type { ChargePointClient } from "../../api/client.ts";
import { getOrgsAndStationGroups } from "../../api/operations/get-orgs-and-station-groups.ts";
import { getStationGroupDetails } from "../../api/operations/get-station-group-details.ts";
import { getStationGroups } from "../../api/operations/get-station-groups.ts";
import type { StationGroup } from "./group-cover.ts";
import { isOutsidePlan } from "./pace.ts";
import { concernsAll } from "./walk.ts";

const REFRESH_SECONDS = 3600;
/** Time until the next refresh after a failure, or after the groups turned out to have changed, in seconds. */
const SOON_SECONDS = 300;
const MOST_ORGANISATIONS = 50;
/** Number of stations above which each group is read separately: all groups at once would be too long an answer. */
export const MOST_STATIONS_AT_ONCE = 5000;
/** Maximum number of groups read concurrently. */
const AT_A_TIME = 50;

export interface StationGroupsOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called when the groups could not be read, and when one of them failed; once for each. */
  readonly onFailure: (error: unknown, group?: StationGroup) => void;
}

/** The station groups that an account may read, looked up at the first read and refreshed every hour. */
export class StationGroups {
  readonly #client: Pick<ChargePointClient, "call">;
  readonly #options: StationGroupsOptions;
  #groups: readonly StationGroup[] = [];
  #version = 0;
  #asked = 0;
  #learning: Promise<void> | undefined;
  #learntAt = Number.NEGATIVE_INFINITY;
  #dueAt = Number.NEGATIVE_INFINITY;
  #failed = false;
  readonly #reported = new Set<number>();

  constructor(client: Pick<ChargePointClient, "call">, options: StationGroupsOptions) {
    this.#client = client;
    this.#options = options;
  }

  get groups(): readonly StationGroup[] {
    return this.#groups;
  }

  /** Calls of the last refresh, in addition to the one that lists organisations and groups. */
  get asked(): number {
    return this.#asked;
  }

  /** Increases when the groups change. */
  get version(): number {
    return this.#version;
  }

  /**
   * Looks up the groups for `stations` read stations. Only the first lookup is waited for; later refreshes run beside the
   * reads. Never rejects.
   */
  async learn(stations: number): Promise<void> {
    const first = this.#learntAt === Number.NEGATIVE_INFINITY;
    if (secondsOn(this.#options.clock) >= this.#dueAt)
      this.#learning ??= this.#renew(stations > MOST_STATIONS_AT_ONCE);
    if (first) await this.#learning;
  }

  /** Removes a group that could not be read and refreshes all groups soon. */
  leaveOut(group: StationGroup, error: unknown): void {
    if (!this.#reported.has(group.sgID)) this.#options.onFailure(error, group);
    this.#reported.add(group.sgID);
    this.#set(this.#groups.filter((other) => other.sgID !== group.sgID));
    this.stale();
  }

  stale(): void {
    this.#dueAt = Math.min(this.#dueAt, this.#learntAt + SOON_SECONDS);
  }

  async #renew(oneByOne: boolean): Promise<void> {
    const { clock, onFailure } = this.#options;
    try {
      this.#set(await this.#read(oneByOne));
      this.#dueAt = secondsOn(clock) + REFRESH_SECONDS;
      this.#failed = false;
    } catch (error) {
      this.#dueAt = secondsOn(clock) + (isOutsidePlan(error) ? REFRESH_SECONDS : SOON_SECONDS);
      if (!this.#failed && !this.#options.signal.aborted) onFailure(error);
      this.#failed = true;
    }
    this.#learntAt = secondsOn(clock);
    this.#learning = undefined;
  }

  #set(groups: readonly StationGroup[]): void {
    this.#groups = groups;
    this.#version += 1;
  }

  async #read(oneByOne: boolean): Promise<StationGroup[]> {
    const { signal } = this.#options;
    const { orgData } = await this.#client.call(getOrgsAndStationGroups, { searchQuery: {} }, { signal });
    const parents = new Map<number, number>();
    for (const { sgID, parentGroupID } of orgData.flatMap(({ sgData }) => sgData)) {
      if (sgID !== null && Number(parentGroupID ?? 0) > 0) parents.set(sgID, Number(parentGroupID));
    }
    const direct = oneByOne
      ? await this.#each(orgData.flatMap(({ sgData }) => sgData.flatMap(({ sgID }) => sgID ?? [])))
      : await this.#ofOrganisations(orgData.flatMap(({ orgID }) => orgID ?? []));
    return withInner(direct, parents);
  }

  async #ofOrganisations(orgIDs: readonly string[]): Promise<Map<number, string[]>> {
    const { signal } = this.#options;
    const direct = new Map<number, string[]>();
    const asked = orgIDs.slice(0, MOST_ORGANISATIONS);
    this.#asked = asked.length;
    for (const orgID of asked) {
      const { groupData } = await this.#client.call(getStationGroups, { orgID }, { signal });
      for (const { sgID, stationData } of groupData) if (sgID !== null) direct.set(sgID, idsOf(stationData));
    }
    return direct;
  }

  /** Reads each group; omits those that cannot be read. */
  async #each(sgIDs: readonly number[]): Promise<Map<number, string[]>> {
    const { signal } = this.#options;
    const direct = new Map<number, string[]>();
    const read = async (sgID: number) => {
      try {
        const { stationData } = await this.#client.call(getStationGroupDetails, { sgID }, { signal });
        direct.set(sgID, idsOf(stationData));
      } catch (error) {
        if (concernsAll(error)) throw error;
      }
    };
    this.#asked = sgIDs.length;
    for (let at = 0; at < sgIDs.length; at += AT_A_TIME)
      await Promise.all(sgIDs.slice(at, at + AT_A_TIME).map(read));
    return direct;
  }
}

function idsOf(stations: readonly { readonly stationID: string | null }[]): string[] {
  return stations.flatMap(({ stationID }) => stationID ?? []);
}

/** Adds the stations of nested groups to the outer ones. */
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

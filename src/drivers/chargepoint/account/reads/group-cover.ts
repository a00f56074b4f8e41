/** A station group as getLoad answers it: including the stations of nested groups. */
export interface StationGroup {
  readonly sgID: number;
  readonly stationIDs: ReadonlySet<string>;
}

export interface Cover {
  /** The groups to read. */
  readonly groups: readonly StationGroup[];
  /** The group by which each station is read; stations without one are read one by one. */
  readonly groupOf: ReadonlyMap<string, StationGroup>;
}

/** Number of records of other stations that cost as much as one more call. */
const RECORDS_PER_CALL = 50;
/** Maximum number of stations in a group: a larger answer takes too long to parse in one go. */
export const LARGEST_GROUP = 1000;

/** Returns whether one call for the group is better than one for each of its `stations`. */
export function isWorthIt(group: StationGroup, stations: number): boolean {
  return gain(group, stations) > 0;
}

/** Returns the calls saved by reading the group, less the cost of its other stations. */
function gain(group: StationGroup, stations: number): number {
  return stations - 1 - (group.stationIDs.size - stations) / RECORDS_PER_CALL;
}

/**
 * Returns groups that cover the stations with little waste: repeatedly the one that saves most (greedy set cover). Groups
 * may overlap; of equal ones the smaller is chosen, then the one with the smaller identifier.
 */
export function coverByGroups(stationIDs: Iterable<string>, groups: readonly StationGroup[]): Cover {
  const left = new Set(stationIDs);
  const groupOf = new Map<string, StationGroup>();
  const chosen: StationGroup[] = [];
  const count = (group: StationGroup) => {
    let stations = 0;
    for (const id of group.stationIDs) if (left.has(id)) stations += 1;
    return stations;
  };
  // The saving of a group never increases, so a group whose recomputed saving is still the largest is the best.
  let open = groups
    .filter((group) => group.stationIDs.size <= LARGEST_GROUP)
    .map((group) => ({ group, saves: gain(group, count(group)) }))
    .sort(bySaving);
  while (open.length > 0) {
    const [first, ...rest] = open;
    if (first!.saves <= 0) break;
    const again = { group: first!.group, saves: gain(first!.group, count(first!.group)) };
    const next = rest[0];
    if (next && bySaving(again, next) > 0) {
      const at = rest.findIndex((candidate) => bySaving(again, candidate) <= 0);
      rest.splice(at < 0 ? rest.length : at, 0, again);
      open = rest;
      continue;
    }
    open = rest;
    if (again.saves <= 0) continue;
    chosen.push(again.group);
    for (const id of again.group.stationIDs) if (left.delete(id)) groupOf.set(id, again.group);
  }
  return { groups: chosen, groupOf };
}

type Candidate = { readonly group: StationGroup; readonly saves: number };

function bySaving(a: Candidate, b: Candidate): number {
  const { group: one, saves } = a;
  const { group: other } = b;
  return b.saves - saves || one.stationIDs.size - other.stationIDs.size || one.sgID - other.sgID;
}

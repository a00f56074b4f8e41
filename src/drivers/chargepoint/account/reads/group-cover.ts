/** A station group as getLoad answers it: with the stations of the groups inside it. */
export interface StationGroup {
  readonly sgID: number;
  readonly stationIDs: ReadonlySet<string>;
}

export interface Cover {
  /** The groups to ask for. */
  readonly groups: readonly StationGroup[];
  /** By which of them a station is read; none for those that are asked for one by one. */
  readonly groupOf: ReadonlyMap<string, StationGroup>;
}

/** Records of other stations that cost as much as one more call. */
const RECORDS_PER_CALL = 50;
/** A larger answer takes too long to read at once. */
export const LARGEST_GROUP = 1000;

/** Whether one call for the group is better than one for each of `stations` of it. */
export function isWorthIt(group: StationGroup, stations: number): boolean {
  return gain(group, stations) > 0;
}

/** Calls saved by asking for the group, less what its other stations cost. */
function gain(group: StationGroup, stations: number): number {
  return stations - 1 - (group.stationIDs.size - stations) / RECORDS_PER_CALL;
}

/**
 * The groups that cover the stations with the least waste: again and again the one that saves most (greedy set cover).
 * Groups may overlap; of equal ones the smaller, then the one with the smaller identifier.
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
  // What a group saves only ever falls, so a figure that is still the highest after it was counted anew is the highest.
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

import type { RegistryRow } from "../../../registry/row.ts";
import type { PlannedCall } from "../../plan.ts";
import type { AnswerKind as Kind } from "../account/answers.ts";
import { coverByGroups, type StationGroup } from "../account/reads/group-cover.ts";
import { ageAllowed } from "../account/reads/pace.ts";
import { RIGHTS_PAGE, STATIONS_PAGE, STATUS_PAGE } from "../account/reads/page-sizes.ts";
import { MOST_STATIONS_AT_ONCE } from "../account/reads/station-groups.ts";
import { CALLS } from "../registers/calls.ts";

/** A station of an account, and its rows by the kind of answer they are read from. */
export interface PlannedStation {
  readonly stationID: string;
  readonly intervalSeconds: number;
  readonly cacheSeconds: number;
  readonly nameplateSeconds: number;
  readonly rows: ReadonlyMap<Kind, readonly RegistryRow[]>;
}

/** Stations that are read at the same interval. */
interface Pace {
  readonly stations: ReadonlyMap<string, PlannedStation>;
  readonly everySeconds: number;
}

const GROUPS_REFRESH_SECONDS = 3600;

/**
 * Returns the calls of one account in a steady state: each kind of answer at each interval, and the refresh of its groups.
 * `learning`: number of calls of that refresh, where the groups are known and not presumed.
 */
export function planCalls(
  stations: readonly PlannedStation[],
  groups: readonly StationGroup[],
  learning?: number,
): PlannedCall[] {
  const kinds = Object.keys(CALLS) as Kind[];
  const calls = kinds.flatMap((kind) => paces(kind, stations).map((pace) => planKind(kind, pace, groups)));
  const loads = calls.filter(({ operation }) => operation === CALLS.load.operation);
  const read = new Set(stations.filter(({ rows }) => rows.has("load")).map((one) => one.stationID)).size;
  if (read < 2) return calls;
  const rows = loads.flatMap((load) => load.rows);
  const learn = { everySeconds: GROUPS_REFRESH_SECONDS, calls: 1, onePerStationPerMinute: 0, rows };
  const [operation, presumed, assumes] =
    read > MOST_STATIONS_AT_ONCE
      ? ["getStationGroupDetails", groups.length, "no other groups"]
      : ["getStationGroups", 1, "one organisation"];
  const each = { operation, ...learn, calls: learning ?? presumed };
  return [
    ...calls,
    { operation: "getOrgsAndStationGroups", ...learn },
    learning === undefined ? { ...each, assumes } : each,
  ];
}

function paces(kind: Kind, stations: readonly PlannedStation[]): Pace[] {
  const byPace = Map.groupBy(
    stations.filter(({ rows }) => rows.has(kind)),
    (station) => everySeconds(kind, station),
  );
  return [...byPace].map(([seconds, group]) => ({
    everySeconds: seconds,
    stations: new Map(group.map((station) => [station.stationID, station])),
  }));
}

/** Returns the seconds between calls: the first scrape after the answer's maximum age reads again. */
function everySeconds(
  kind: Kind,
  { intervalSeconds, cacheSeconds, nameplateSeconds }: PlannedStation,
): number {
  const age = ageAllowed(kind, cacheSeconds, nameplateSeconds);
  return intervalSeconds * Math.max(1, Math.ceil(age / intervalSeconds));
}

function planKind(kind: Kind, pace: Pace, groups: readonly StationGroup[]): PlannedCall {
  const all = [...pace.stations.values()];
  const rows = [...new Set(all.flatMap((station) => station.rows.get(kind) ?? []))];
  return {
    operation: CALLS[kind].operation,
    everySeconds: pace.everySeconds,
    ...callsOf(kind, pace, groups),
    onePerStationPerMinute: all.reduce((sum, { intervalSeconds }) => sum + 60 / intervalSeconds, 0),
    rows,
    ...(rows.length === 0 && { cause: "read_alarms of the device configs" }),
  };
}

function callsOf(
  kind: Kind,
  { stations }: Pace,
  groups: readonly StationGroup[],
): Pick<PlannedCall, "calls" | "assumes"> {
  const { size } = stations;
  if (size === 1) return { calls: kind === "sessions" ? 2 : 1 };
  switch (kind) {
    case "publicStation":
      return { calls: size };
    case "status":
    case "publicStatus":
      return { calls: Math.ceil(size / STATUS_PAGE) };
    case "load": {
      const cover = coverByGroups(stations.keys(), groups);
      return { calls: cover.groups.length + size - cover.groupOf.size };
    }
    case "station":
      return { calls: Math.ceil(size / STATIONS_PAGE), assumes: "no other stations" };
    case "rights":
      return { calls: Math.ceil(size / RIGHTS_PAGE), assumes: "no other stations" };
    case "alarms":
      return { calls: 1, assumes: "at most 100 alarms each time" };
    case "sessions":
      return { calls: 2, assumes: "one more for each 100 sessions" };
  }
}

/** Returns groups of equal size that cover the stations, for accounts whose groups are unknown. */
export function presumedGroups(stationIDs: readonly string[], stationsPerGroup: number): StationGroup[] {
  if (stationsPerGroup === 0) return [];
  return Array.from({ length: Math.ceil(stationIDs.length / stationsPerGroup) }, (_, n) => ({
    sgID: n + 1,
    stationIDs: new Set(stationIDs.slice(n * stationsPerGroup, (n + 1) * stationsPerGroup)),
  }));
}

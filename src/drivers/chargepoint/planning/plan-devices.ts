import type { RegistryRow } from "../../../registry/row.ts";
import { systemClock } from "../../../time/clock.ts";
import type { DeviceInit } from "../../driver.ts";
import type {
  AccountPlan,
  KnownGroups,
  PlanAssumptions,
  PlannedCall,
  PlannedGroup,
  PlannedSet,
} from "../../plan.ts";
import { labelOf } from "../account/accounts.ts";
import type { Answers } from "../account/answers.ts";
import { coverByGroups, type StationGroup } from "../account/reads/group-cover.ts";
import { STATIONS_PAGE } from "../account/reads/page-sizes.ts";
import { StationGroups } from "../account/reads/station-groups.ts";
import type { ChargePointClient } from "../api/client.ts";
import { endpointFor } from "../api/endpoints.ts";
import { ApiError } from "../api/errors.ts";
import { CALLS_PER_MINUTE, type ChargePointConfig, NAMEPLATE_INTERVAL_SECONDS } from "../config.ts";
import { registerClasses } from "../registers/index.ts";
import { kindOf } from "../registers/register.ts";
import { type PlannedStation, planCalls, presumedGroups } from "./plan.ts";

/** Returns the account of a config. Devices with the same endpoint and user name share an account. */
export function accountOf(config: ChargePointConfig): { key: string; label: string } {
  const { username, endpoint, region } = config;
  return {
    key: `${endpointFor(config)} ${username}`,
    label: labelOf({ username, place: endpoint ?? region }),
  };
}

/** Returns the calls of every account that the devices belong to. */
export function planDevices(
  devices: readonly DeviceInit<ChargePointConfig>[],
  { stationsPerGroup, groups: known, sets = [] }: PlanAssumptions,
): AccountPlan[] {
  const kindsOf = rememberedKinds();
  const accounts = Map.groupBy(devices, ({ config }) => accountOf(config).key);
  return [...accounts.values()].map((members) => {
    const { config } = members[0]!;
    const stations = members.map(
      (device): PlannedStation => ({
        stationID: device.config.stationID,
        intervalSeconds: device.intervalSeconds,
        cacheSeconds: device.config.cacheExpiration,
        nameplateSeconds: device.config.nameplate_interval ?? NAMEPLATE_INTERVAL_SECONDS,
        rows: withAlarms(kindsOf(device.rows), device.config),
      }),
    );
    const stationIDs = [...new Set(stations.map(({ stationID }) => stationID))];
    const groups =
      known?.groups.map(({ id, members: ids }) => ({ sgID: id, stationIDs: ids })) ??
      presumedGroups(stationIDs, stationsPerGroup);
    return {
      account: accountOf(config).label,
      stations: stationIDs.length,
      calls: [...planCalls(stations, groups, known?.calls), ...sets.map(refreshing)],
      limitPerMinute: config.calls_per_minute ?? CALLS_PER_MINUTE,
      ...(known && { groups: covering(stations, groups) }),
    };
  });
}

/** The walk over a set's stations that finds its members. */
function refreshing({ file, members, refreshSeconds }: PlannedSet): PlannedCall {
  return {
    operation: "getStations",
    everySeconds: refreshSeconds,
    calls: Math.max(1, Math.ceil(members / STATIONS_PAGE)),
    onePerStationPerMinute: 0,
    rows: [],
    cause: `the set of ${file}`,
    assumes: "no stations beyond the set's where it is by name or list",
  };
}

/** Returns the groups by which the loads are read. */
function covering(stations: readonly PlannedStation[], groups: readonly StationGroup[]): PlannedGroup[] {
  const read = stations.filter(({ rows }) => rows.has("load")).map(({ stationID }) => stationID);
  const cover = coverByGroups(read, groups);
  const byGroup = Map.groupBy(cover.groupOf.keys(), (id) => cover.groupOf.get(id)!);
  return [...byGroup].map(([{ sgID, stationIDs }, ids]) => ({
    ...{ id: sgID, size: stationIDs.size, stations: ids },
  }));
}

/** Returns the stations whose loads are read. */
export function stationsWithLoads(devices: readonly DeviceInit<ChargePointConfig>[]): ReadonlySet<string> {
  const kindsOf = rememberedKinds();
  const read = devices.filter(({ rows }) => kindsOf(rows).has("load"));
  return new Set(read.map(({ config }) => config.stationID));
}

/** Adds the alarms where they are read without a row. */
function withAlarms(
  kinds: PlannedStation["rows"],
  { read_alarms }: ChargePointConfig,
): PlannedStation["rows"] {
  return read_alarms && !kinds.has("alarms") ? new Map([...kinds, ["alarms", []]]) : kinds;
}

/**
 * Returns a function that sorts rows by the kind of answer they are read from; devices that share a registry share the
 * result.
 */
function rememberedKinds() {
  const known = new Map<readonly RegistryRow[], Map<keyof Answers, RegistryRow[]>>();
  return (rows: readonly RegistryRow[]) => {
    const kinds =
      known.get(rows) ?? Map.groupBy(rows, (row) => kindOf(registerClasses[row.register]!, row.attribute));
    known.set(rows, kinds);
    return kinds;
  };
}

/**
 * Returns the station groups by which loads of that many stations are read, as an account learns them at its first scrape.
 * Refused groups count as none, as they do for the account, which then reads the loads one by one; `onRefused` is called.
 * @throws the error that prevents the account from being asked at all
 */
export async function findGroups(
  client: Pick<ChargePointClient, "call">,
  stations: number,
  { signal, onRefused }: { signal: AbortSignal; onRefused: (error: unknown) => void },
): Promise<KnownGroups> {
  if (stations < 2) return { groups: [], calls: 0 };
  let failure: { readonly error: unknown } | undefined;
  const learnt = new StationGroups(client, {
    clock: systemClock,
    signal,
    onFailure: (error) => {
      failure = { error };
    },
  });
  await learnt.learn(stations);
  signal.throwIfAborted();
  if (failure && !isRefusal(failure.error)) throw failure.error;
  if (failure) onRefused(failure.error);
  const groups = learnt.groups.map(({ sgID, stationIDs }) => ({ id: sgID, members: stationIDs }));
  return { groups, calls: learnt.asked };
}

/** Returns whether the service answered and will give the same answer again. */
function isRefusal(error: unknown): boolean {
  return error instanceof ApiError && error.kind !== "transient";
}

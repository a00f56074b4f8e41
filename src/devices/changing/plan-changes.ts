import { isDeepStrictEqual } from "node:util";
import type { RegistryRow } from "../../registry/row.ts";
import type { LoadedDevice } from "../building/build.ts";
import type { DeviceChange } from "../commands.ts";

/** What is done to one config: `from` runs now, `to` is to run. */
export interface ConfigChange {
  readonly kind: DeviceChange["kind"];
  readonly from?: LoadedDevice;
  readonly to?: LoadedDevice;
}

/** Returns what identifies the station that a config means. */
export type StationOf = (loaded: LoadedDevice) => string;

/**
 * Returns what turns the configs `before` into those `after`. Devices are compared by their topic path, sets by their file. A
 * station that gets a topic path that was free before is renamed. Pure.
 */
export function planChanges(
  before: readonly LoadedDevice[],
  after: readonly LoadedDevice[],
  stationOf: StationOf,
): ConfigChange[] {
  const old = new Map(before.map((loaded) => [placeOf(loaded), loaded]));
  const now = new Map(after.map((loaded) => [placeOf(loaded), loaded]));
  const changes: ConfigChange[] = [];
  const come = new Map<string, LoadedDevice>();
  for (const [place, to] of now) {
    const from = old.get(place);
    if (from && !isSame(from, to)) changes.push({ kind: "changed", from, to });
    if (!from) come.set(place, to);
  }
  const single = [...come.values()].filter(({ settings }) => !settings.set);
  const byStation = new Map(single.map((to) => [stationOf(to), to]));
  for (const [place, from] of old) {
    if (now.has(place)) continue;
    const to = from.settings.set ? undefined : byStation.get(stationOf(from));
    if (to) come.delete(placeOf(to));
    changes.push(to ? { kind: "renamed", from, to } : { kind: "removed", from });
  }
  for (const to of come.values()) changes.push({ kind: "added", to });
  return changes;
}

function placeOf({ settings: { set, file, path } }: LoadedDevice): string {
  return set ? `set ${file}` : path;
}

function isSame(one: LoadedDevice, other: LoadedDevice): boolean {
  if (one.rows !== other.rows && rowsText(one.rows, other.rows) !== "") return false;
  return one.settings === other.settings || isDeepStrictEqual(one.settings, other.settings);
}

/** Describes a change for people. */
export function describeChange({ kind, from, to }: ConfigChange): DeviceChange {
  const { path: device, file } = (to ?? from)!.settings;
  return { kind, device, file, text: textOf({ kind, from, to }) };
}

function textOf({ kind, from, to }: ConfigChange): string {
  if (!to) return "is no longer in the configs";
  if (!from) return pointsText(to.rows.length);
  const found = differences(from, to);
  return kind === "renamed" ? [`was ${from.settings.path}`, ...found].join("; ") : found.join("; ");
}

/** Settings of a device config by their names in the file. */
const NAMES = {
  driverType: "driver_type",
  driverConfig: "driver_config",
  registryFile: "registry_config",
  timezone: "timezone",
  heartbeatPoint: "heart_beat_point",
  group: "group",
  publish: "publish_*",
  store: "store",
  set: "refresh_interval",
} as const;

function differences({ settings: one, rows }: LoadedDevice, other: LoadedDevice): string[] {
  const found: string[] = [];
  const { settings: two } = other;
  if (one.intervalSeconds !== two.intervalSeconds)
    found.push(`interval ${one.intervalSeconds} → ${two.intervalSeconds} s`);
  for (const [key, name] of Object.entries(NAMES) as [keyof typeof NAMES, string][])
    if (!isDeepStrictEqual(one[key], two[key])) found.push(name);
  if (one.file !== two.file) found.push(`file ${one.file} → ${two.file}`);
  const ofRows = rows === other.rows ? "" : rowsText(rows, other.rows);
  if (ofRows !== "") found.push(ofRows);
  return found;
}

/** Text of the last change of rows: many devices share a registry. */
let last: { before: readonly RegistryRow[]; after: readonly RegistryRow[]; text: string } | undefined;

function rowsText(before: readonly RegistryRow[], after: readonly RegistryRow[]): string {
  if (last?.before !== before || last.after !== after)
    last = { before, after, text: differencesOfRows(before, after) };
  return last.text;
}

/** Maximum number of points named in a change. */
const MOST_NAMED = 5;

/** Empty where the rows are equal. */
function differencesOfRows(before: readonly RegistryRow[], after: readonly RegistryRow[]): string {
  const old = new Map(before.map((row) => [row.point.name, row]));
  const now = new Set(after.map(({ point }) => point.name));
  const added = after.filter(({ point }) => !old.has(point.name)).map(({ point }) => `+${point.name}`);
  const gone = before.filter(({ point }) => !now.has(point.name)).map(({ point }) => `−${point.name}`);
  const changed = after
    .filter((row) => old.has(row.point.name) && !isSameRow(old.get(row.point.name)!, row))
    .map(({ point }) => point.name);
  const all = [...added, ...gone, ...changed];
  const more = all.length - MOST_NAMED;
  if (all.length === 0) return "";
  return `points ${all.slice(0, MOST_NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function isSameRow(one: RegistryRow, other: RegistryRow): boolean {
  return (
    one.attribute === other.attribute &&
    one.register === other.register &&
    one.port === other.port &&
    isDeepStrictEqual(one.point, other.point)
  );
}

function pointsText(count: number): string {
  return `${count} ${count === 1 ? "point" : "points"}`;
}

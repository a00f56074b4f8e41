import { closest, type DeviceSettings, type Diagnostic, type DriverSettings } from "../../config/index.ts";
import type { AbleService, AbleType, OwnWrites } from "../../drivers/abilities.ts";
import { messageOf } from "../../log/log.ts";
import type { DeviceInfo, Point } from "../../points/index.ts";
import type { RegistryRow } from "../../registry/index.ts";
import type { Device } from "../device.ts";
import { GroupSlots, scrapeOffset } from "../scraping/scrape-times.ts";
import { StationOwners } from "./owners.ts";

/** A device config and the valid rows of its registry, as the loaders return them. */
export interface LoadedDevice {
  readonly settings: DeviceSettings;
  readonly rows: readonly RegistryRow[];
}

export interface BuildContext {
  readonly drivers: Readonly<Record<string, AbleType>>;
  readonly settings: DriverSettings;
  /** Returns the service of a driver type, opened at the first call. */
  service(type: AbleType): AbleService;
  /** Returns what this bridge wrote to the device of a path. Absent: nothing is written. */
  own?(path: string): OwnWrites;
  readonly confirmTimeoutSeconds?: number;
}

export interface Built {
  readonly devices: readonly Device[];
  /** Faults in files: rows that a driver cannot use, devices that cannot be created. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Creates the devices of configs. Sets are reported as faults: they are looked up while a bridge runs. */
export function buildDevices(loaded: readonly LoadedDevice[], context: BuildContext): Built {
  const builder = new DeviceBuilder(context);
  for (const { settings } of loaded) {
    if (!settings.set) continue;
    const message = "this config is a set of devices; it is looked up while the bridge runs";
    const fail = builder.failing(settings);
    fail("device_set", `driver_config.${settings.set.key}`, message);
  }
  const devices = builder.buildAll(loaded);
  return { devices: [...devices.values()], diagnostics: builder.diagnostics };
}

/**
 * Creates devices one by one, and keeps the valid rows of registries, the used slots, and the stations that have a device.
 * Touches no network and writes nothing.
 */
export class DeviceBuilder {
  /** Faults in files found so far. */
  readonly diagnostics: Diagnostic[] = [];
  readonly #context: BuildContext;
  readonly #soundRows: ReturnType<typeof rowChecker>;
  readonly #slots = new GroupSlots();
  readonly #stations = new StationOwners();

  constructor(context: BuildContext) {
    this.#context = context;
    this.#soundRows = rowChecker(this.diagnostics);
  }

  /**
   * Creates the devices of configs, by path; sets are skipped. A device that cannot be created is reported and omitted. It
   * keeps its slot, so that the other devices keep their scrape times when it is repaired.
   */
  buildAll(loaded: readonly LoadedDevice[]): Map<string, Device> {
    const devices = new Map<string, Device>();
    for (const each of loaded) {
      const { path, set } = each.settings;
      if (set) continue;
      const device = devices.has(path) ? this.#duplicate(each.settings) : this.build(each);
      if (device) devices.set(path, device);
    }
    return devices;
  }

  /** Creates a device; reports the fault and returns undefined where that is not possible. */
  build(loaded: LoadedDevice): Device | undefined {
    const { settings } = loaded;
    const { path, file, driverConfig: config, intervalSeconds, group } = settings;
    const slot = this.#slots.of(group, path);
    const fail = this.failing(settings);
    const usable = this.usable(loaded);
    if (!usable) return undefined;
    const { type, rows } = usable;
    const { driverScrapeIntervalSeconds: spacingSeconds, groupOffsetIntervalSeconds: groupOffsetSeconds } =
      this.#context.settings;
    try {
      const owner = this.#stations.of(type, config);
      if (owner) {
        const { id, network } = type.identityOf!(config);
        const message = `station ${id} of ${network} already is device ${owner.path} of ${owner.file}, and two devices would undo each other's writes; remove one of them`;
        fail("duplicate_station", "driver_config", message);
        return undefined;
      }
      const heartbeat = planHeartbeat(settings, rows, this.diagnostics);
      const driver = this.#context.service(type).createDevice({
        ...{ path, file, config, rows, intervalSeconds },
        own: this.#context.own?.(path),
        confirmTimeoutSeconds: this.#context.confirmTimeoutSeconds,
      });
      const { movingTimes, readsAlarms } = driver;
      const described = describe(settings, this.#context.settings, usable, heartbeat);
      const info: DeviceInfo = {
        ...described,
        ...(movingTimes && { movingTimes }),
        ...(readsAlarms && { readsAlarms }),
      };
      const place = { intervalSeconds, slot, group, spacingSeconds, groupOffsetSeconds };
      this.#stations.take(type, settings);
      return { info, driver, offsetMs: scrapeOffset(place), ...(heartbeat && { heartbeat }) };
    } catch (error) {
      const why = messageOf(error);
      fail("device_not_made", "driver_config", `driver ${type.name} cannot create it: ${why}`);
      return undefined;
    }
  }

  /** Returns the faults that the driver type of a config finds in its rows. */
  faultsOf({ settings: { driverType }, rows }: LoadedDevice): readonly Diagnostic[] {
    const { drivers } = this.#context;
    return Object.hasOwn(drivers, driverType) ? faultsOfRows(drivers[driverType]!, rows) : [];
  }

  /** Returns what identifies the station of a config; where its driver type does not tell, its path. */
  stationOf({ settings: { driverType, driverConfig, path } }: LoadedDevice): string {
    const { drivers } = this.#context;
    const type = Object.hasOwn(drivers, driverType) ? drivers[driverType] : undefined;
    const identity = type?.identityOf?.(driverConfig);
    return JSON.stringify(identity ? [driverType, identity.network, identity.id] : [driverType, path]);
  }

  /** Returns the driver type and the rows that it can use; reports the fault and returns undefined where there is none. */
  usable({ settings, rows }: LoadedDevice): Usable | undefined {
    const { driverType } = settings;
    const fail = this.failing(settings);
    const { drivers } = this.#context;
    const type = Object.hasOwn(drivers, driverType) ? drivers[driverType] : undefined;
    if (!type) {
      const known = Object.keys(drivers);
      fail("unknown_driver_type", "driver_type", "there is no such driver type", {
        found: driverType,
        expected: `one of ${known.join(", ")}`,
        suggestion: closest(driverType, known),
      });
      return undefined;
    }
    const sound = this.#soundRows(type, rows);
    if (sound.length > 0) return { type, rows: sound };
    const message = "the registry has no row that this device can use";
    fail("no_points", "registry_config", message, { found: settings.registryFile });
    return undefined;
  }

  /** Returns the information of a device for other parts, without creating it. */
  describe(loaded: LoadedDevice): DeviceInfo | undefined {
    const usable = this.usable(loaded);
    if (!usable) return undefined;
    const { settings } = loaded;
    const heartbeat = planHeartbeat(settings, usable.rows, this.diagnostics);
    return describe(settings, this.#context.settings, usable, heartbeat);
  }

  /** Frees the station of a stopped device for another device. */
  release({ settings: { driverType, driverConfig } }: LoadedDevice): void {
    this.#stations.release(this.#context.drivers[driverType]!, driverConfig);
  }

  #duplicate(settings: DeviceSettings): undefined {
    const fail = this.failing(settings);
    const message = `another config already makes device ${settings.path}`;
    fail("duplicate_device", undefined, message);
  }

  /** Returns a function that reports an error of this config. */
  failing(settings: DeviceSettings): (...problem: Problem) => void {
    return (...problem) => void this.diagnostics.push(fault(settings, "error", ...problem));
  }
}

/** The driver type of a device, and the rows that it can use. */
interface Usable {
  readonly type: AbleType;
  readonly rows: readonly RegistryRow[];
}

function describe(
  settings: DeviceSettings,
  defaults: DriverSettings,
  usable: Usable,
  heartbeat: Device["heartbeat"],
): DeviceInfo {
  const points = pointsOf(usable, heartbeat?.kind === "virtual" ? heartbeat.point : undefined);
  const stationID = usable.type.identityOf?.(settings.driverConfig).id;
  return {
    path: settings.path,
    driverType: settings.driverType,
    ...(stationID !== undefined && { stationID }),
    points,
    timezone: settings.timezone,
    intervalSeconds: settings.intervalSeconds,
    publish: { ...defaults.publish, ...settings.publish },
    ...(settings.store !== undefined && { store: settings.store }),
  };
}

/** Points are shared by devices with the same driver type, registry and virtual point, if any. */
const known = new WeakMap<
  readonly RegistryRow[],
  Map<AbleType, Map<string | undefined, ReadonlyMap<string, Point>>>
>();

function pointsOf({ type, rows }: Usable, virtual: string | undefined): ReadonlyMap<string, Point> {
  const byType = known.get(rows) ?? new Map<AbleType, Map<string | undefined, ReadonlyMap<string, Point>>>();
  known.set(rows, byType);
  const byVirtual = byType.get(type) ?? new Map<string | undefined, ReadonlyMap<string, Point>>();
  byType.set(type, byVirtual);
  const shared = byVirtual.get(virtual);
  if (shared) return shared;
  const points = new Map<string, Point>();
  // The points of rows stay as the registry reader made them: a reload compares them.
  for (const row of rows) {
    const { point } = row;
    points.set(point.name, type.originOf ? { ...point, origin: type.originOf(row) } : point);
  }
  if (virtual !== undefined) points.set(virtual, virtualHeartbeat(virtual));
  byVirtual.set(virtual, points);
  return points;
}

/** Faults of rows by driver type: to check a hundred thousand rows takes long. */
const checked = new WeakMap<readonly RegistryRow[], Map<AbleType, readonly Diagnostic[]>>();

function faultsOfRows(type: AbleType, rows: readonly RegistryRow[]): readonly Diagnostic[] {
  const byType = checked.get(rows) ?? new Map<AbleType, readonly Diagnostic[]>();
  checked.set(rows, byType);
  const found = byType.get(type) ?? type.checkRows(rows);
  byType.set(type, found);
  return found;
}

/** Returns a function that removes the rows with an error for a driver type. Devices that share a registry report it once. */
export function rowChecker(diagnostics: Diagnostic[]) {
  const sounds = new Map<AbleType, WeakMap<readonly RegistryRow[], readonly RegistryRow[]>>();
  return (type: AbleType, rows: readonly RegistryRow[]): readonly RegistryRow[] => {
    const byRows = sounds.get(type) ?? new WeakMap<readonly RegistryRow[], readonly RegistryRow[]>();
    sounds.set(type, byRows);
    const known = byRows.get(rows);
    if (known) return known;
    const found = faultsOfRows(type, rows);
    diagnostics.push(...found);
    const place = (at: { file: string; line: number }) => `${at.file}:${at.line}`;
    const faulty = new Set(found.filter((d) => d.severity === "error").map(place));
    const sound = faulty.size === 0 ? rows : rows.filter((row) => !faulty.has(place(row)));
    byRows.set(rows, sound);
    return sound;
  };
}

function planHeartbeat(
  settings: DeviceSettings,
  rows: readonly RegistryRow[],
  diagnostics: Diagnostic[],
): Device["heartbeat"] {
  const name = settings.heartbeatPoint;
  if (name === undefined) return undefined;
  const warn = (...problem: Problem) => diagnostics.push(fault(settings, "warning", ...problem));
  const row = rows.find((candidate) => candidate.point.name === name);
  if (row?.point.writable) return { kind: "written", point: name };
  if (row) {
    warn("heartbeat_not_writable", "heart_beat_point", "its row is not Writable, so there is no heartbeat", {
      found: name,
      expected: `Writable TRUE in ${row.file}:${row.line}, or a name that the registry lacks`,
    });
    return undefined;
  }
  const writable = rows.filter(({ point }) => point.writable).map(({ point }) => point.name);
  warn(
    "heartbeat_not_in_registry",
    "heart_beat_point",
    "the registry has no such point: it becomes a virtual point that toggles between 0 and 1 with every scrape",
    { found: name, suggestion: closest(name, writable) },
  );
  return { kind: "virtual", point: name };
}

function virtualHeartbeat(name: string): Point {
  return {
    name,
    type: "integer",
    units: "",
    writable: false,
    publish: "always",
    notes: "Toggles with every scrape while the driver runs.",
    extra: {},
  };
}

type Problem = [
  code: Diagnostic["code"],
  path: string | undefined,
  message: string,
  more?: Pick<Diagnostic, "found" | "expected" | "suggestion">,
];

/** Returns a diagnostic at a device config. */
function fault(settings: DeviceSettings, severity: Diagnostic["severity"], ...problem: Problem): Diagnostic {
  const [code, path, message, more] = problem;
  return {
    code,
    severity,
    file: settings.file,
    line: 1,
    column: 1,
    ...(path !== undefined && { path }),
    message,
    ...more,
  };
}

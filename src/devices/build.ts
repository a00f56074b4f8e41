import type { DeviceSettings, Diagnostic, DriverSettings } from "../config/index.ts";
import { closest } from "../config/index.ts";
import type { DriverService, DriverType } from "../drivers/driver.ts";
import type { DeviceInfo, Point } from "../points/index.ts";
import type { RegistryRow } from "../registry/index.ts";
import type { Device } from "./device.ts";
import { scrapeOffset } from "./scrape-times.ts";

/** A device config and the sound rows of its registry, as the loaders hand them over. */
export interface LoadedDevice {
  readonly settings: DeviceSettings;
  readonly rows: readonly RegistryRow[];
}

export interface BuildContext {
  readonly drivers: Readonly<Record<string, DriverType>>;
  readonly settings: DriverSettings;
  /** The open service of a driver type; opened at the first call. */
  service(type: DriverType): DriverService;
}

export interface Built {
  readonly devices: readonly Device[];
  /** What is wrong with files: rows that a driver cannot use, devices that cannot be made. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Makes the running devices. One that cannot be made is reported and left out; the others go on. Touches no network and
 * writes nothing. A device's slot is its place in the list, whether or not those before it could be made.
 */
export function buildDevices(loaded: readonly LoadedDevice[], context: BuildContext): Built {
  const devices = new Map<string, Device>();
  const diagnostics: Diagnostic[] = [];
  const soundRows = rowChecker(diagnostics);
  for (const [slot, { settings, rows }] of loaded.entries()) {
    const { path, driverType } = settings;
    const fail = (...problem: Problem) => diagnostics.push(fault(settings, "error", ...problem));
    const type = Object.hasOwn(context.drivers, driverType) ? context.drivers[driverType] : undefined;
    if (!type) {
      const known = Object.keys(context.drivers);
      fail("unknown_driver_type", "driver_type", "there is no such driver type", {
        found: driverType,
        expected: `one of ${known.join(", ")}`,
        suggestion: closest(driverType, known),
      });
      continue;
    }
    if (devices.has(path)) {
      fail("duplicate_device", undefined, `another config already makes device ${path}`);
      continue;
    }
    const sound = soundRows(type, rows);
    if (sound.length === 0) {
      const found = settings.registryFile;
      fail("no_points", "registry_config", "the registry has no row that this device can use", { found });
      continue;
    }
    try {
      const heartbeat = planHeartbeat(settings, sound, diagnostics);
      const driver = context.service(type).createDevice({
        path,
        config: settings.driverConfig,
        rows: sound,
        intervalSeconds: settings.intervalSeconds,
      });
      const info = describe(settings, context.settings, sound, heartbeat);
      const offsetMs = scrapeOffset({
        intervalSeconds: settings.intervalSeconds,
        slot,
        group: settings.group,
        spacingSeconds: context.settings.scrapeSpacingSeconds,
        groupOffsetSeconds: context.settings.groupOffsetSeconds,
      });
      devices.set(path, { info, driver, offsetMs, ...(heartbeat && { heartbeat }) });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      fail("device_not_made", "driver_config", `driver ${type.name} cannot make it: ${why}`);
    }
  }
  return { devices: [...devices.values()], diagnostics };
}

function describe(
  settings: DeviceSettings,
  defaults: DriverSettings,
  rows: readonly RegistryRow[],
  heartbeat: Device["heartbeat"],
): DeviceInfo {
  const points = new Map(rows.map((row) => [row.point.name, row.point]));
  if (heartbeat?.kind === "virtual") points.set(heartbeat.point, virtualHeartbeat(heartbeat.point));
  return {
    path: settings.path,
    driverType: settings.driverType,
    points,
    timezone: settings.timezone,
    intervalSeconds: settings.intervalSeconds,
    publish: { ...defaults.publish, ...settings.publish },
  };
}

/** Leaves out the rows in which a driver type finds an error. Devices that share a registry report it once. */
function rowChecker(diagnostics: Diagnostic[]) {
  const checked = new Map<DriverType, Map<readonly RegistryRow[], readonly RegistryRow[]>>();
  return (type: DriverType, rows: readonly RegistryRow[]): readonly RegistryRow[] => {
    const byRows = checked.get(type) ?? new Map();
    checked.set(type, byRows);
    const known = byRows.get(rows);
    if (known) return known;
    const found = type.checkRows(rows);
    diagnostics.push(...found);
    const place = (at: { file: string; line: number }) => `${at.file}:${at.line}`;
    const faulty = new Set(found.filter((d) => d.severity === "error").map(place));
    const sound = rows.filter((row) => !faulty.has(place(row)));
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
    warn(
      "heartbeat_not_writable",
      "heart_beat_point",
      "its row is not Writable: there will be no heartbeat",
      {
        found: name,
        expected: `Writable TRUE in ${row.file}:${row.line}, or a name that the registry lacks`,
      },
    );
    return undefined;
  }
  const writable = rows.filter(({ point }) => point.writable).map(({ point }) => point.name);
  warn(
    "heartbeat_not_in_registry",
    "heart_beat_point",
    "the registry has no such point: it becomes a virtual one that toggles 0 and 1 with every scrape",
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
    notes: "Toggles with every scrape: the driver is alive.",
    extra: {},
  };
}

type Problem = [
  code: string,
  path: string | undefined,
  message: string,
  more?: Pick<Diagnostic, "found" | "expected" | "suggestion">,
];

/** A diagnostic at a device config. */
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

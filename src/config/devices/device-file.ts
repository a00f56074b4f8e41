import { basename, extname, relative, resolve, sep } from "node:path";
import { devicePathFault, pointNameFault } from "../../points/index.ts";
import type { BridgeSettings } from "../bridge/bridge-settings.ts";
import { type Diagnostic, hasErrors, sortDiagnostics } from "../files/diagnostic.ts";
import type { DiagnosticCode } from "../files/diagnostic-codes.ts";
import { closest } from "../files/did-you-mean.ts";
import { type JsonDocument, type JsonPath, pathText, shortened } from "../files/json-document.ts";
import { atOnce, listing } from "../files/listing.ts";
import type { LoadOptions } from "../schema/resolve.ts";
import { readSettingsFile } from "../schema/settings-file.ts";
import { settingsOf } from "../schema/settings-of.ts";
import { DEVICE, type DriverSchemas, deviceSchema } from "./device-schema.ts";
import { readSet, setSchemaOf, setTemplate } from "./device-set.ts";
import { type DeviceFile, type DeviceSettings, toDeviceSettings } from "./device-settings.ts";
import { findBesideDevice, RegistryFolder } from "./registry-file.ts";
import { fillTemplate } from "./topic-template.ts";

/** Settings of the bridge that device configs depend on. */
export type DeviceSurroundings = Pick<BridgeSettings, "registries">;

export interface DeviceFileOptions extends LoadOptions {
  /** Folder relative to which the path of the file is the device's topic path. Default: the file's own folder. */
  readonly folder?: string;
}

/**
 * Loads one device config. `device` is absent if a diagnostic is an error. Never throws. Reads no other files than secret files,
 * in particular not the registry.
 */
export function loadDeviceFile(
  file: string,
  drivers: DriverSchemas,
  bridge: DeviceSurroundings,
  options: DeviceFileOptions,
): { device?: DeviceSettings; diagnostics: Diagnostic[] } {
  const found = atOnce(listing(bridge.registries));
  const registries = new RegistryFolder(bridge.registries, found);
  const { device, diagnostics } = readDeviceFile(resolve(file), drivers, registries, options);
  const all = sortDiagnostics([...found.diagnostics, ...diagnostics]);
  return device ? { device, diagnostics: all } : { diagnostics: all };
}

/** A device config after it was read. */
export interface ReadDevice {
  /** Absent if a diagnostic is an error. */
  readonly device?: DeviceSettings;
  readonly diagnostics: readonly Diagnostic[];
  /** The reference to its registry, as written; present with the device. */
  readonly reference?: string;
}

/** Reads a device config as {@link loadDeviceFile}; `path` is absolute. */
export function readDeviceFile(
  path: string,
  drivers: DriverSchemas,
  registries: RegistryFolder,
  options: DeviceFileOptions,
): ReadDevice {
  const schemaOf = (raw: unknown) =>
    deviceSchema((raw as { driver_type?: unknown } | null)?.driver_type, drivers);
  const { content, diagnostics } = readSettingsFile(path, schemaOf, options);
  if (!content) return { diagnostics: sortDiagnostics(diagnostics) };
  const { document, sound } = content;
  const value = settingsOf(content.value, DEVICE);

  const found = [...diagnostics];
  const report = (code: DiagnosticCode, where: JsonPath, message: string, more: Partial<Diagnostic> = {}) =>
    found.push({
      code,
      severity: "error",
      file: path,
      ...document.place(where),
      ...(where.length > 0 ? { path: pathText(where) } : {}),
      message,
      ...more,
    });

  const sets = setSchemaOf(schemaOf(document.value));
  const set = sets && sound("driver_config") ? readSet(value, sets, report) : undefined;

  const key = topicKey(document);
  if (value.topic !== undefined && LEVEL_KEYS.some((level) => document.source([level]) !== undefined))
    report(
      "conflicting_keys",
      ["topic"],
      `a config has "topic" or its levels (${LEVEL_KEYS.join(", ")}), not both`,
    );
  const place = TOPIC_KEYS.every(sound) ? topicPath(value, path, options.folder) : undefined;
  const topic = place !== undefined && set ? setTemplate(place, set, key, report) : place;
  const fault = topic !== undefined && devicePathFault(set ? fillTemplate(topic, () => "1") : topic);
  if (fault) report("bad_topic", key, `the device's topic path ${fault}`, { found: quoted(topic) });

  const timezone = !sound("timezone") || closestTimezone(value.timezone);
  if (timezone !== true)
    report("bad_timezone", ["timezone"], "there is no such time zone", {
      found: quoted(value.timezone),
      expected: "an IANA name, e.g. America/Los_Angeles, or UTC",
      ...(timezone ? { suggestion: timezone } : {}),
    });

  const heartbeat = sound("heart_beat_point") && value.heartBeatPoint;
  const heartbeatFault = heartbeat && pointNameFault(heartbeat);
  if (heartbeatFault)
    report("bad_name", ["heart_beat_point"], `no point can have this name: it ${heartbeatFault}`);

  const reference = value.registryConfig;
  const registry = sound("registry_config")
    ? (registries.find(reference) ?? findBesideDevice(reference, path, options.files))
    : undefined;
  if (registry && "problem" in registry)
    report("missing_registry", ["registry_config"], registry.problem, {
      ...(registry.suggestion ? { suggestion: registry.suggestion } : {}),
    });

  const sorted = sortDiagnostics(found);
  if (hasErrors(sorted) || topic === undefined || !registry || "problem" in registry)
    return { diagnostics: sorted };
  const device = toDeviceSettings(path, topic, registry.file, value, set);
  return { device, diagnostics: sorted, reference };
}

const LEVEL_KEYS = ["campus", "building", "unit", "path"] as const;
const TOPIC_KEYS = ["topic", ...LEVEL_KEYS] as const;

/** Returns the topic path from the keys for it, or else from the location of the file, without its extension. */
function topicPath(value: DeviceFile, file: string, folder: string | undefined): string {
  const levels = TOPIC_KEYS.map((key) => value[key]).filter((level) => level);
  if (levels.length > 0) return levels.join("/");
  const place = folder === undefined ? basename(file) : relative(folder, file).replaceAll(sep, "/");
  return place.slice(0, place.length - extname(place).length);
}

function topicKey(document: JsonDocument): JsonPath {
  const given = TOPIC_KEYS.find((key) => document.source([key]) !== undefined);
  return given ? [given] : [];
}

/** Time zones that exist. To ask costs a tenth of a millisecond, and a fleet has one for each device. */
const timezones = new Set([""]);

/** Returns true for a known time zone, else the nearest one, if any. */
function closestTimezone(name: string): true | string | undefined {
  if (timezones.has(name)) return true;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    timezones.add(name);
    return true;
  } catch {
    return closest(name, Intl.supportedValuesOf("timeZone"));
  }
}

function quoted(text: string): string {
  return JSON.stringify(shortened(text));
}

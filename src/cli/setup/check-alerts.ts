import { readFileSync } from "node:fs";
import {
  type BridgeSettings,
  closest,
  type DeviceSettings,
  type Diagnostic,
  decodeText,
  JsonDocument,
  pathText,
} from "../../config/index.ts";
import { pathPattern } from "../../devices/overrides/pattern.ts";

/**
 * Returns a warning for each pattern of a rule of alerts that covers no device. Devices of a set are known to its network only, so nothing
 * is said where there is one.
 */
export function unmatchedPatterns(
  { file, alerts: { rules } }: BridgeSettings,
  devices: readonly DeviceSettings[],
): Diagnostic[] {
  if (devices.length === 0 || devices.some(({ set }) => set)) return [];
  const paths = devices.map(({ path }) => path);
  const unmatched = Object.entries(rules).flatMap(([name, rule]) =>
    rule.devices.flatMap((pattern, i) =>
      paths.some(pathPattern(pattern)) ? [] : [{ pattern, place: ["alerts", "rules", name, "devices", i] }],
    ),
  );
  if (unmatched.length === 0) return [];
  const document = new JsonDocument(file, decodeText(readFileSync(file)).text);
  return unmatched.map(({ pattern, place }): Diagnostic => {
    const suggestion = closest(pattern, paths);
    return {
      ...{ code: "unmatched_pattern", severity: "warning", file },
      ...document.place(place),
      path: pathText(place),
      message: `no device has a path like ${JSON.stringify(pattern)}`,
      ...(suggestion !== undefined && { suggestion }),
    };
  });
}

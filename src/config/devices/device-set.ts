import type { DiagnosticCode } from "../files/diagnostic-codes.ts";
import { closest } from "../files/did-you-mean.ts";
import { alternatives, type Schema, type SetSchema } from "../schema/schema.ts";
import type { DeviceFile, DeviceSetSettings } from "./device-settings.ts";
import { placeholdersOf } from "./topic-template.ts";

/** Reports a problem of a device config. */
type Report = (
  code: DiagnosticCode,
  where: readonly (string | number)[],
  message: string,
  more?: { expected?: string; suggestion?: string; found?: string },
) => void;

/** Returns how a config of this schema describes a set of devices; undefined if it cannot. */
export function setSchemaOf(deviceSchema: Schema): SetSchema | undefined {
  return deviceSchema.properties?.driver_config?.["x-set"];
}

/** Returns the set of devices that a config describes, or undefined for a single device. */
export function readSet(value: DeviceFile, schema: SetSchema, report: Report): DeviceSetSettings | undefined {
  const { key, member, placeholders } = schema;
  const given = value.driverConfig[key];
  const single = value.driverConfig[member];
  if (given === undefined) {
    if (single === undefined) {
      const expected = `"${member}" for one device, or "${key}" for a set of them`;
      report("missing_key", ["driver_config", member], `"${member}" is missing`, { expected });
    }
    return undefined;
  }
  if (single !== undefined) {
    const message = `a config has "${member}" or "${key}", not both`;
    report("conflicting_keys", ["driver_config", key], message);
  }
  return { key, member, placeholders, refreshSeconds: value.refreshIntervalSeconds };
}

/** Returns the topic template of a set. A topic without placeholders gets one more level, with the key of the member. */
export function setTemplate(
  topic: string,
  { member, placeholders }: SetSchema,
  topicKey: readonly (string | number)[],
  report: Report,
): string {
  const used = placeholdersOf(topic);
  for (const name of used) {
    if (placeholders.includes(name)) continue;
    const near = closest(name, placeholders);
    report("unknown_placeholder", topicKey, `there is no placeholder {${name}}`, {
      found: JSON.stringify(topic),
      expected: alternatives(placeholders.map((known) => `{${known}}`)),
      ...(near === undefined ? {} : { suggestion: `{${near}}` }),
    });
  }
  return used.length === 0 ? `${topic}/{${member}}` : topic;
}

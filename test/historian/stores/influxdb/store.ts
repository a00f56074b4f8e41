import type { BackendContext } from "../../../../src/historian/contract.ts";
import { InfluxBackend } from "../../../../src/historian/stores/influxdb/backend.ts";
import { influxdb } from "../../../../src/historian/stores/influxdb/index.ts";
import { layoutOf } from "../../../../src/historian/stores/influxdb/layout.ts";
import { type InfluxConnection, targetOf } from "../../../../src/historian/stores/influxdb/settings.ts";
import { createLog } from "../../../../src/log/log.ts";

export const SILENT = createLog({ level: "silent" });

/** Connection settings with their defaults. */
export function connection(settings: Partial<InfluxConnection>): InfluxConnection {
  const properties = Object.entries(influxdb.configSchema.properties as Record<string, { default: unknown }>);
  const defaults = Object.fromEntries(properties.map(([name, schema]) => [name, schema.default]));
  return { ...defaults, ...settings } as unknown as InfluxConnection;
}

export interface BackendOptions extends Partial<BackendContext> {
  readonly now?: () => Date;
}

export function backendOf(
  settings: Partial<InfluxConnection>,
  { readonly = false, log = SILENT, now }: BackendOptions = {},
): InfluxBackend {
  const whole = connection(settings);
  return new InfluxBackend({
    target: targetOf(whole),
    layout: layoutOf(whole),
    readonly,
    log,
    ...(now ? { now } : {}),
  });
}

let databases = 0;

/** A name that no other test of this process uses. */
export function newDatabase(): string {
  return `test ${++databases}`;
}

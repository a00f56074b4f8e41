import { dirname, join, relative, resolve, sep } from "node:path";
import { asLevel, type BridgeSettings } from "../../config/index.ts";
import type { FoundStation } from "../../drivers/chargepoint/discovery/index.ts";
import { isWithin } from "../../reload/bridge-files.ts";
import { schemaFiles } from "./editor-schemas.ts";
import type { MadeRegistry } from "./make-registries.ts";
import type { NewFile } from "./new-files.ts";

/** A secret as a config names it: `${NAME}`, or a file. */
export type SecretReference = string | { readonly file: string };

/** How configs name the account; they hold no secret. */
export interface AccountReference {
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  readonly username: SecretReference;
  readonly password: SecretReference;
}

/** The account of the environment, by its variables. */
export const ENVIRONMENT_ACCOUNT = {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: variables of the config
  username: "${CHARGEPOINT_USERNAME}",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: variables of the config
  password: "${CHARGEPOINT_PASSWORD}",
};

/** Returns a device config, or one for a set of devices. */
export function deviceConfig(
  which: object,
  { endpoint, region, username, password }: AccountReference,
  registry: string,
  more: { readonly $schema?: string | undefined; readonly topic?: string } = {},
) {
  const { $schema, ...rest } = more;
  return {
    $schema,
    driver_type: "chargepoint",
    driver_config: {
      ...which,
      username,
      password,
      ...(endpoint !== undefined ? { endpoint } : region !== undefined ? { region } : {}),
    },
    registry_config: registry,
    interval: 60,
    ...rest,
  };
}

/** The files of the stations of an account. */
export interface StationFiles {
  readonly stations: readonly FoundStation[];
  readonly account: AccountReference;
  /** Folder of the device configs. */
  readonly folder: string;
  /** The bridge that they are for. */
  readonly bridge: Pick<BridgeSettings, "file" | "devices" | "registries">;
  /** Registries by the stations that they fit, or the one reference of all. */
  readonly registries: readonly MadeRegistry[] | string;
}

/**
 * Returns a config for each station, named by its stationID, and their registries: in the bridge's folder of registries, or
 * beside configs that are not in its folder of devices.
 */
export function stationFiles({ stations, account, folder, bridge, registries }: StationFiles): {
  registries: NewFile[];
  configs: NewFile[];
  schemas: NewFile[];
} {
  const place = resolve(folder);
  const isInside = isWithin(bridge.devices, place);
  const made = typeof registries === "string" ? [] : registries;
  const referenceOf = new Map(
    made.flatMap(({ name, kind }) =>
      kind.stations.map(({ stationID }) => [stationID, isInside ? `config://${name}` : name] as const),
    ),
  );
  const schemas = dirname(bridge.file);
  const $schema = isInside
    ? relative(place, join(schemas, "device.schema.json")).replaceAll(sep, "/")
    : undefined;
  return {
    registries: made.map(({ name, text }) => ({
      path: join(isInside ? bridge.registries : place, name),
      text,
    })),
    configs: stations.map(({ stationID }) => {
      const reference = typeof registries === "string" ? registries : referenceOf.get(stationID)!;
      const config = deviceConfig({ stationID }, account, reference, { $schema });
      const name = `${asLevel(stationID).replaceAll(/[:<>"|?*\\]/g, "-")}.json`;
      return { path: join(folder, name), text: `${JSON.stringify(config, null, 2)}\n` };
    }),
    schemas: isInside ? schemaFiles(schemas) : [],
  };
}

import {
  applyRenames,
  type Diagnostic,
  JsonDocument,
  type JsonPath,
  pathText,
  type Schema,
  volttronNames,
} from "../../config/index.ts";
import {
  destinationOf,
  KEPT,
  type Reference,
  referencesOf,
  type SchemaText,
  schemaAt,
  valueAt,
} from "./masked-secrets.ts";

/**
 * Finds settings that are changed on the machine of the bridge only: folders and files, and who may log in. `shown`: the config on disk
 * with its secrets masked; undefined for a new one.
 */
export function localChanges(given: SchemaText, shown: SchemaText | undefined): Diagnostic[] {
  const before = renamed(shown);
  const after = renamed(given);
  const paths = new Map(
    [given, shown].flatMap((one) =>
      one ? [...localSettings(one.schema, [])].map((path) => [pathText(path), path] as const) : [],
    ),
  );
  return [...paths.values()]
    .filter((path) => JSON.stringify(valueAt(after, path)) !== JSON.stringify(valueAt(before, path)))
    .map((path) => ({
      code: "local_setting" as const,
      severity: "error" as const,
      file: given.document.file,
      ...given.document.place(path),
      path: pathText(path),
      message: "this setting can be changed only on the machine of the bridge, in the file itself",
    }));
}

/** Returns the value of a config with the settings of VOLTTRON under their names here. */
function renamed(config: SchemaText | undefined): unknown {
  if (!config) return undefined;
  const { file, value } = config.document;
  const copy = new JsonDocument(file, JSON.stringify(value ?? null));
  applyRenames(copy, volttronNames(copy.value));
  return copy.value;
}

function* localSettings(schema: Schema, path: JsonPath): Generator<JsonPath> {
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    if (inner["x-local"]) yield [...path, name];
    else yield* localSettings(inner, [...path, name]);
  }
  for (const [i, item] of (schema.prefixItems ?? []).entries()) yield* localSettings(item, [...path, i]);
}

/** The variables and secret files that configs on disk use: each in its setting, with where it is sent. */
export class KnownReferences {
  readonly #known = new Set<string>();

  add(config: SchemaText): void {
    for (const reference of referencesOf(config)) this.#known.add(keyOf(config, reference));
  }

  /**
   * Finds references that no config uses in this way. Through one, the environment or a file of the machine could be read, or sent to
   * another server.
   */
  newOnes(config: SchemaText): Diagnostic[] {
    const { document } = config;
    return [...referencesOf(config)]
      .filter((reference) => !this.#known.has(keyOf(config, reference)))
      .map(({ path }) => ({
        code: "new_reference" as const,
        severity: "error" as const,
        file: document.file,
        ...document.place(path),
        path: pathText(path),
        message:
          "a variable or a secret file can be used here only where a config on disk uses it for the same setting and the same server; add it on the machine of the bridge, or enter the value itself",
      }));
  }
}

/** Identifies a reference by its setting, its text, and for credentials by where they are sent. */
function keyOf({ document, schema }: SchemaText, { setting, path, text }: Reference): string {
  const at = schemaAt(schema, setting);
  const isSent = at?.["x-secret"] || at?.["x-file"] || at === undefined;
  const sentTo = isSent ? destinationOf(withoutKept(document.value), schema, setting) : "";
  return JSON.stringify([valueAt(document.value, ["driver_type"]), path, text, sentTo]);
}

/** Two configs may have different secrets of other settings. */
function withoutKept(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null, (_, inner) => (inner === KEPT ? undefined : inner)));
}

/** Finds a registry that is named by a path: through it, any file of the machine could be read. */
export function foreignRegistry(given: SchemaText, shown: SchemaText | undefined): Diagnostic[] {
  const { document } = given;
  const path = ["registry_config"];
  const named = valueAt(document.value, path);
  if (typeof named !== "string" || /^config:\/\//i.test(named)) return [];
  if (shown && named === valueAt(shown.document.value, path)) return [];
  return [
    {
      code: "local_setting",
      severity: "error",
      file: document.file,
      ...document.place(path),
      path: "registry_config",
      message: "a registry that is a path can be chosen only on the machine of the bridge",
      expected: '"config://name.csv", a file of the registries folder',
    },
  ];
}

import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import type { HistorianSettings } from "../config/index.ts";
import { OWN_KEYWORDS } from "../config/schema/schema.ts";
import type { Log } from "../log/log.ts";
import type { BackendContext, HistorianBackendType } from "./contract.ts";
import { HistorianError } from "./errors.ts";
import { Historian } from "./query/historian.ts";

export interface OpenOptions {
  readonly log: Log;
  /** Only read. The store must be there. Default: what the settings say. */
  readonly readonly?: boolean;
  /** For a store that is written to. */
  readonly onNotice?: BackendContext["onNotice"];
}

/**
 * Opens the historian that the settings name, from a list of backends. To write, the store need not be there yet: the
 * recorder opens it and tries again. To read only, it must be.
 * Throws a HistorianError (kind `give_up`) for settings that cannot work, and the store's own when reading only.
 */
export async function openFrom(
  backends: Readonly<Record<string, HistorianBackendType>>,
  settings: HistorianSettings,
  dataFolder: string,
  { log, readonly = settings.readonly, onNotice }: OpenOptions,
): Promise<Historian> {
  const type = Object.hasOwn(backends, settings.backend) ? backends[settings.backend] : undefined;
  if (!type) {
    const known = Object.keys(backends).join(", ");
    throw new HistorianError(
      "give_up",
      settings.backend === "none"
        ? `the historian is switched off; set historian.backend to one of ${known}`
        : `historian.backend "${settings.backend}" is not known; expected none or one of ${known}`,
    );
  }
  const connection = checkConnection(type, settings.connection);
  const historian = new Historian(
    type.create(connection, { dataFolder, readonly, log, ...(onNotice && { onNotice }) }),
  );
  if (!readonly) return historian;
  try {
    await historian.backend.open();
    return historian;
  } catch (error) {
    await historian.close();
    throw error;
  }
}

/** The connection settings with the type's defaults; all problems in one error. */
function checkConnection(type: HistorianBackendType, settings: Readonly<Record<string, unknown>>): unknown {
  const connection = structuredClone(settings);
  const ajv = new Ajv2020({ allErrors: true, useDefaults: true }).addVocabulary(OWN_KEYWORDS);
  const validate = ajv.compile(type.configSchema);
  if (validate(connection)) return connection;
  const problems = (validate.errors ?? []).map((error) => describe(type.name, error));
  throw new HistorianError("give_up", problems.join("; "));
}

function describe(backend: string, { instancePath, message, params }: ErrorObject): string {
  const detail = params.additionalProperty ?? params.allowedValues?.join(", ");
  const path = `historian.connection${instancePath.replaceAll("/", ".")}`;
  return `${path} (backend ${backend}) ${message}${detail === undefined ? "" : `: ${detail}`}`;
}

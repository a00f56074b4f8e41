import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import type { HistorianSettings } from "../config/index.ts";
import { OWN_KEYWORDS } from "../config/schema/schema.ts";
import type { Log } from "../log/log.ts";
import type { BackendContext, HistorianBackendType } from "./contract.ts";
import { HistorianError } from "./errors.ts";
import { Historian } from "./query/historian.ts";

export interface OpenOptions {
  readonly log: Log;
  /** Open for reading only; the store must exist. Default: `readonly` of the settings. */
  readonly readonly?: boolean;
  /** Called for notices of a store that is written to. */
  readonly onNotice?: BackendContext["onNotice"];
}

/**
 * Opens the configured historian from a list of backends. For writing, the store need not be reachable yet: delivery opens it and
 * retries. For reading only, it must be.
 * @throws {HistorianError} of kind `give_up` for invalid settings, and the store's own when reading only.
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
        ? `the historian is disabled; set historian.backend to one of ${known}`
        : `unknown historian.backend "${settings.backend}"; it must be none or one of ${known}`,
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

/** Checks the connection settings and adds the type's defaults. Reports all problems in one error. */
export function checkConnection(
  type: HistorianBackendType,
  settings: Readonly<Record<string, unknown>>,
): unknown {
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

// Scrapes and writes come in from the bus (`record`), or messages from a broker (`ingest`). They become samples, wait in the queue
// and are delivered to one store (`delivery`, `stores`). Queries and reports of gaps read the store (`query`, `gaps`).
import type { HistorianSettings } from "../config/index.ts";
import type { HistorianBackendType, StorePlaces } from "./contract.ts";
import { Archive, type ArchiveOptions } from "./delivery/archive.ts";
import { checkConnection, type OpenOptions, openFrom } from "./open.ts";
import type { Historian } from "./query/historian.ts";
import { influxdb } from "./stores/influxdb/index.ts";
import { postgres } from "./stores/postgres/index.ts";
import { sqlite } from "./stores/sqlite/index.ts";
import { volttronSqlite } from "./stores/volttron-sqlite/index.ts";

export type {
  HistorianBackend,
  HistorianBackendType,
  Order,
  Sample,
  StoredFile,
  StorePlaces,
  Topic,
  TopicMeta,
} from "./contract.ts";
export {
  type Archive,
  type ArchiveCounters,
  type ArchiveOptions,
  spoolFile,
  spoolNames,
} from "./delivery/archive.ts";
export type { DeliveryCounters } from "./delivery/index.ts";
export type { HistorianErrorKind } from "./errors.ts";
export { HistorianError, QueryError } from "./errors.ts";
export { EXPORTS, type ExportFormat } from "./export/formats.ts";
export { type DeviceGaps, findGaps } from "./gaps/report.ts";
export { HistoryService } from "./history-service.ts";
export { Checkpoint } from "./import/checkpoint.ts";
export { type ImportReport, importFile } from "./import/import-file.ts";
export { ImportError } from "./import/source.ts";
export { MessageRecorder } from "./ingest/index.ts";
export { Naming } from "./ingest/naming.ts";
export type { OpenOptions } from "./open.ts";
export { type AuditEntry, auditCsv, findAudit } from "./query/audit.ts";
export type {
  HistorianOptions,
  HistoryAnswer,
  HistoryPage,
  HistoryRow,
  VolttronAnswer,
} from "./query/historian.ts";
export { Historian, volttronAnswer } from "./query/historian.ts";
export { PLOT_POINTS } from "./query/plot.ts";
export { checkQuery, type HistoryQuery } from "./query/query.ts";
export { type CallArguments, volttronHistorian } from "./query/volttron-api.ts";
export type { RecorderOptions } from "./record/recorder.ts";
export { Recorder } from "./record/recorder.ts";

/** THE LIST: every kind of store that `historian.backend` can name. */
export const backends: Readonly<Record<string, HistorianBackendType>> = {
  influxdb,
  postgres,
  sqlite,
  "volttron-sqlite": volttronSqlite,
};

/**
 * Opens the historian of the bridge's settings. With `readonly` (command line, second process) the store must exist; otherwise it is
 * created with the first write.
 * @throws {HistorianError}
 */
export async function openHistorian(
  settings: HistorianSettings,
  dataFolder: string,
  options: OpenOptions,
): Promise<Historian> {
  return await openFrom(backends, settings, dataFolder, options);
}

/** Returns where the configured stores, with those of `also`, have their files; those on servers are left out. */
export function storePlaces(settings: HistorianSettings, dataFolder: string): StorePlaces[] {
  return [settings, ...settings.also].flatMap(({ backend, connection }) => {
    const type = Object.hasOwn(backends, backend) ? backends[backend] : undefined;
    return type?.places ? [type.places(checkConnection(type, connection), dataFolder)] : [];
  });
}

/**
 * Opens the configured stores for writing, each with its spool, for the bridge's recorder and `voltbridge historian`.
 * @throws {HistorianError} for invalid settings.
 * @throws {QueueError} when a spool cannot be opened.
 */
export async function openArchive(
  settings: HistorianSettings,
  dataFolder: string,
  options: ArchiveOptions,
): Promise<Archive> {
  return await Archive.open(settings, { spoolFolder: dataFolder, ...options }, (own, { log, onNotice }) =>
    openHistorian(own, dataFolder, {
      ...{ log, readonly: false },
      onNotice(notice) {
        log[notice.severity === "warning" ? "warn" : notice.severity](notice.text);
        onNotice({ ...notice, at: new Date() });
      },
    }),
  );
}

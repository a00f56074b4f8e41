/**
 * Sessions, payments, alarms and stations are read from the charging network (`sync`), stored in SQL (`database`), and returned to
 * reports, exports and MQTT events (`query`, `sync/announce.ts`).
 */

export { type Rows, type SessionDatabase, SessionDatabaseError } from "./database/contract.ts";
export { postgresDialect, sqliteDialect } from "./database/dialect.ts";
export {
  createSessionDatabase,
  type OpenOptions,
  openSessionDatabase,
  sessionBackends,
} from "./database/open.ts";
export { ddl } from "./database/schema.ts";
export { columnsOf, type RowOf, type TableName, tableNames } from "./database/tables.ts";
export { exportTable, TABLE_EXPORTS, type TableExport } from "./query/export.ts";
export {
  type Range,
  type ReadOptions,
  SessionReader,
} from "./query/reader.ts";
export { type Summary, summarize } from "./query/summary.ts";
export { ContinuousSync } from "./sync/continuous.ts";
export type { Progress, SessionAccount, SyncOptions, SyncReport } from "./sync/options.ts";
export { syncSessions } from "./sync/sync.ts";

/** Charging sessions in SQL: what reads them from the network, keeps them, and answers about them. */

export { ContinuousSync } from "./continuous.ts";
export { type Rows, type SessionDatabase, SessionDatabaseError } from "./database.ts";
export { postgresDialect, sqliteDialect } from "./dialect.ts";
export { type ExportOptions, exportTable } from "./export.ts";
export { createSessionDatabase, type OpenOptions, openSessionDatabase, sessionBackends } from "./open.ts";
export { type DayEnergy, type DayPayments, type Range, type ReadOptions, SessionReader } from "./reader.ts";
export type { Progress } from "./reading.ts";
export { ddl } from "./schema.ts";
export { syncSessions } from "./sync.ts";
export type { SessionAccount, SyncOptions, SyncReport } from "./sync-options.ts";
export { columnsOf, type RowOf, type TableName, tableNames } from "./tables.ts";

/** Charging sessions in SQL: what reads them from the network, keeps them, and answers about them. */

export { ContinuousSync } from "./continuous.ts";
export { type Rows, type SessionDatabase, SessionDatabaseError } from "./database.ts";
export { type OpenOptions, openSessionDatabase } from "./open.ts";
export { type DayEnergy, type DayPayments, type Range, type ReadOptions, SessionReader } from "./reader.ts";
export { type SessionAccount, type SyncOptions, type SyncReport, syncSessions } from "./sync.ts";
export type { RowOf, TableName } from "./tables.ts";

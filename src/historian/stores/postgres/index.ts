import type { HistorianBackendType } from "../../contract.ts";
import { PostgresBackend } from "./backend.ts";
import { CONNECTION_SCHEMA, type PostgresConnection, withUrl } from "./connection.ts";

/** A PostgreSQL database, version 14 or newer; a hypertable where it has TimescaleDB. */
export const postgres: HistorianBackendType<PostgresConnection> = {
  name: "postgres",
  configSchema: CONNECTION_SCHEMA,
  create: (connection, context) => new PostgresBackend(withUrl(connection), context),
};

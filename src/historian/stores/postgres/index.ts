import { CONNECTION_SCHEMA, type PostgresConnection, withUrl } from "../../../config/postgres-connection.ts";
import type { HistorianBackendType } from "../../contract.ts";
import { HistorianError } from "../../errors.ts";
import { PostgresBackend } from "./backend.ts";
import { SETTING } from "./failure.ts";

/** A PostgreSQL database, version 14 or newer; with TimescaleDB the samples are a hypertable. */
export const postgres: HistorianBackendType<PostgresConnection> = {
  name: "postgres",
  configSchema: CONNECTION_SCHEMA,
  create(connection, context) {
    try {
      return new PostgresBackend(withUrl(connection, SETTING), context);
    } catch (error) {
      throw new HistorianError("give_up", (error as Error).message, { cause: error });
    }
  },
};

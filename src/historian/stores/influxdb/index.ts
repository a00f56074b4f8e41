import type { HistorianBackendType } from "../../contract.ts";
import { InfluxBackend } from "./backend.ts";
import { layoutOf } from "./layout.ts";
import { CONNECTION_SCHEMA, type InfluxConnection, targetOf } from "./settings.ts";

/** InfluxDB 1.x, and 2.x and 3 by their write endpoints. */
export const influxdb: HistorianBackendType<InfluxConnection> = {
  name: "influxdb",
  configSchema: CONNECTION_SCHEMA,
  create(connection, { readonly, log }) {
    return new InfluxBackend({ target: targetOf(connection), layout: layoutOf(connection), readonly, log });
  },
};

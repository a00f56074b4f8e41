import type { PostgresConnection } from "../../../../src/config/postgres-connection.ts";
import { createLog } from "../../../../src/log/log.ts";
import { POSTGRES_PASSWORD, POSTGRES_USER } from "../../../helpers/postgres.ts";

export const log = createLog({ level: "silent" });

/** Connection settings for a server (or a proxy before it), every other one at its default. */
export function connectionTo(
  { port }: { readonly port: number },
  more: Partial<PostgresConnection> = {},
): PostgresConnection {
  return {
    ...{ host: "127.0.0.1", port, database: "voltbridge", user: POSTGRES_USER, password: POSTGRES_PASSWORD },
    ...{ ssl: "disable", schema: "voltbridge", table_prefix: "", timeout: 10 },
    ...more,
  };
}

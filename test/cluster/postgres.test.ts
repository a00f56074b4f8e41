import { describe } from "vitest";
import { clusterBackends } from "../../src/cluster/backends.ts";
import { clusterContract } from "../contracts/cluster-contract.ts";
import { POSTGRES_PASSWORD, POSTGRES_USER, Postgres } from "../helpers/postgres.ts";
import { hasPostgres } from "../helpers/postgres-programs.ts";

describe.skipIf(!hasPostgres())("PostgreSQL", () => {
  clusterContract("postgres", {
    run: () => Postgres.run(),
    open: (instance, port) =>
      clusterBackends.postgres.open({
        instance,
        connection: {
          ...{ host: "127.0.0.1", port: port, database: "postgres", user: POSTGRES_USER },
          ...{ password: POSTGRES_PASSWORD, ssl: "disable", schema: "cluster", table_prefix: "", timeout: 1 },
        },
      }),
    changing: "COMMIT",
  });
});

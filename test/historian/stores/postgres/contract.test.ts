import { afterAll, beforeAll, describe } from "vitest";
import { PostgresBackend } from "../../../../src/historian/stores/postgres/backend.ts";
import { historianContract } from "../../../contracts/historian-contract.ts";
import { Postgres } from "../../../helpers/postgres.ts";
import { hasPostgres } from "../../../helpers/postgres-programs.ts";
import { connectionTo, log } from "./settings.ts";

describe.skipIf(!hasPostgres())("postgres", () => {
  let server: Postgres;
  let stores = 0;
  beforeAll(async () => {
    server = await Postgres.run();
  });
  afterAll(() => server.dispose());

  historianContract("postgres", async () => {
    const schema = `store_${stores++}`;
    return {
      connect: () => new PostgresBackend(connectionTo(server, { schema }), { readonly: false, log }),
      remove: async () => void (await server.sql(`DROP SCHEMA ${schema} CASCADE`, "voltbridge")),
    };
  });
});

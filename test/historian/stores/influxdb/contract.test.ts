import { afterAll, beforeAll, describe } from "vitest";
import { historianContract } from "../../../contracts/historian-contract.ts";
import { Influxd, influxInstalled } from "../../../helpers/influxdb.ts";
import { backendOf, newDatabase } from "./store.ts";

describe.skipIf(!influxInstalled)("against influxd", () => {
  let influxd: Influxd;
  beforeAll(async () => {
    influxd = await Influxd.run();
  });
  afterAll(() => influxd?.dispose());

  for (const layout of ["volttron", "ev"] as const)
    historianContract(`influxdb, layout ${layout}`, async () => {
      const database = newDatabase();
      return {
        connect: () => backendOf({ url: influxd.url, database, layout }),
        remove: async () => void (await influxd.query(`DROP DATABASE "${database}"`)),
      };
    });
});

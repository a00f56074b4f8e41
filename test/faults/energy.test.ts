import { describe, expect, test } from "vitest";
import { mosquittoInstalled } from "../helpers/mosquitto.ts";
import { chargeThrough } from "./garage.ts";
import { seconds } from "./scale.ts";

/** A week, which takes four minutes in an ordinary run. */
const WEEK_HOURS = 168;

describe.skipIf(!mosquittoInstalled)("a week's energy of a garage", () => {
  test("through restarts of bridge, broker, network and database in any order: the lifetime energy never falls, and is the sum of the sessions", async () => {
    const seed = Number(process.env.FAULTS_SEED ?? Math.floor(Math.random() * 2 ** 31));
    process.stdout.write(`seed ${seed} (again: FAULTS_SEED=${seed})\n`);
    const { kwh, lives, messages } = await chargeThrough(WEEK_HOURS, {
      seed,
      speed: (WEEK_HOURS * 3600) / (seconds(240) / 1000),
      nextTrouble: (random) =>
        random.weighted({
          ...{ bridge: 4, broker: 3, simulator: 3, everything: 2 },
          ...{ "lost database": 1, "older database": 1 },
        }),
    });
    expect(kwh).toBeGreaterThan(100);
    process.stdout.write(
      `${kwh.toFixed(3)} kWh in a week, ${lives} lives of the bridge, ${messages} messages\n`,
    );
  });
});

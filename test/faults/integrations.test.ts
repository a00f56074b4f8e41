import { describe, test } from "vitest";
import { restartInAnyOrder } from "../contracts/integration-contract.ts";
import { mosquittoInstalled } from "../helpers/mosquitto.ts";
import { jinjaInstalled } from "../helpers/python.ts";
import { HOME_ASSISTANT } from "../integrations/home-assistant/settings.ts";
import { rounds } from "./scale.ts";

/** Time after which a connection counts as stable: one that ended before is tried again at growing pauses. */
const betweenMs = 2500;

describe.skipIf(!mosquittoInstalled || !jinjaInstalled)("integrations", () => {
  test.for([5, 4] as const)(
    "Home Assistant and the broker restart, in any order, over MQTT %i",
    async (version, { annotate }) => {
      const options = { rounds: rounds(20), betweenMs };
      const { longestMs } = await restartInAnyOrder(HOME_ASSISTANT, version, options);
      await annotate(`everything is there again after at most ${(longestMs / 1000).toFixed(1)} s`);
    },
  );
});

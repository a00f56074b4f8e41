import { describe, test } from "vitest";
import { restartInAnyOrder } from "../contracts/integration-contract.ts";
import { mosquittoInstalled } from "../helpers/mosquitto.ts";
import { jinjaInstalled } from "../helpers/python.ts";
import { HOME_ASSISTANT } from "../integrations/home-assistant/settings.ts";
import { SPARKPLUG, SPARKPLUG_WITH_PRIMARY_HOST } from "../integrations/sparkplug/settings.ts";
import { rounds } from "./scale.ts";

/** Time after which a connection counts as stable: one that ended before is tried again at growing pauses. */
const betweenMs = 2500;

describe.skipIf(!mosquittoInstalled).each([
  { name: "Home Assistant", integration: HOME_ASSISTANT, canRun: jinjaInstalled },
  { name: "a Sparkplug host", integration: SPARKPLUG, canRun: true },
  { name: "a primary Sparkplug host", integration: SPARKPLUG_WITH_PRIMARY_HOST, canRun: true },
])("integrations", ({ name, integration, canRun }) => {
  test.skipIf(!canRun).for([5, 4] as const)(
    `${name} and the broker restart, in any order, over MQTT %i`,
    async (version, { annotate }) => {
      const options = { rounds: rounds(20), betweenMs };
      const { longestMs } = await restartInAnyOrder(integration, version, options);
      await annotate(`everything is there again after at most ${(longestMs / 1000).toFixed(1)} s`);
    },
  );
});

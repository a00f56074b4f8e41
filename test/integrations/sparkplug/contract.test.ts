import { describe } from "vitest";
import { defaultBridge } from "../../../src/config/index.ts";
import { integrationContract } from "../../contracts/integration-contract.ts";
import { mosquittoInstalled } from "../../helpers/mosquitto.ts";
import { SparkplugHost } from "../../helpers/sparkplug-double.ts";

describe.skipIf(!mosquittoInstalled)("the integration of Sparkplug", () => {
  integrationContract({
    settings: { sparkplug: { ...defaultBridge().integrations.sparkplug, enabled: true } },
    platform: (url, protocolVersion) => new SparkplugHost(url, { protocolVersion }),
    beginning: ({ path }) => `${path.replaceAll("/", ":")}/`,
    load: "stationLoad",
    keepsGone: true,
  });
});

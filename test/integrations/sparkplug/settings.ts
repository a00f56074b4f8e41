import { defaultBridge, type SparkplugSettings } from "../../../src/config/index.ts";
import type { ContractIntegration } from "../../contracts/integration-contract.ts";
import { HOST_ID, SparkplugHost } from "../../helpers/sparkplug-double.ts";

const integrationWith = (changes: Partial<SparkplugSettings>): ContractIntegration => ({
  settings: { sparkplug: { ...defaultBridge().integrations.sparkplug, enabled: true, ...changes } },
  platform: (url, protocolVersion) => new SparkplugHost(url, { protocolVersion }),
  beginning: ({ path }) => `${path.replaceAll("/", ":")}/`,
  load: "stationLoad",
  keepsGone: true,
});

export const SPARKPLUG = integrationWith({});
/** The edge node waits for the host, and leaves when it goes. */
export const SPARKPLUG_WITH_PRIMARY_HOST = integrationWith({ primaryHost: HOST_ID });

import { describe } from "vitest";
import { integrationContract } from "../../contracts/integration-contract.ts";
import { mosquittoInstalled } from "../../helpers/mosquitto.ts";
import { SPARKPLUG } from "./settings.ts";

describe.skipIf(!mosquittoInstalled)("the integration of Sparkplug", () => {
  integrationContract(SPARKPLUG);
});

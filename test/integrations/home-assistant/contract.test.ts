import { describe } from "vitest";
import { integrationContract } from "../../contracts/integration-contract.ts";
import { mosquittoInstalled } from "../../helpers/mosquitto.ts";
import { jinjaInstalled } from "../../helpers/python.ts";
import { HOME_ASSISTANT } from "./settings.ts";

describe.skipIf(!mosquittoInstalled || !jinjaInstalled)("the integration of Home Assistant", () => {
  integrationContract(HOME_ASSISTANT);
});

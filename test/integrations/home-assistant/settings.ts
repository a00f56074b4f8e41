import { defaultBridge, type IntegrationSettings } from "../../../src/config/index.ts";
import type { ContractIntegration } from "../../contracts/integration-contract.ts";
import { HomeAssistant } from "../../helpers/home-assistant-double.ts";

export const on = (
  changes: Partial<IntegrationSettings["homeAssistant"]> = {},
): Partial<IntegrationSettings> => ({
  homeAssistant: { ...defaultBridge().integrations.homeAssistant, enabled: true, ...changes },
});

export const idOf = (stationID: string, key: string) => `voltbridge_${stationID.replace(":", "_")}_${key}`;

export const HOME_ASSISTANT: ContractIntegration = {
  settings: on(),
  platform: (url, protocolVersion) => new HomeAssistant(url, { protocolVersion }),
  beginning: ({ stationID }) => idOf(stationID!, ""),
  load: "station_Load_stationLoad",
  keepsGone: false,
};

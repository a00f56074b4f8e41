import { defaultBridge, type IntegrationSettings } from "../../../src/config/index.ts";
import type { ContractIntegration, PlatformDouble } from "../../contracts/integration-contract.ts";

export const on = (
  changes: Partial<IntegrationSettings["homeAssistant"]> = {},
): Partial<IntegrationSettings> => ({
  homeAssistant: { ...defaultBridge().integrations.homeAssistant, enabled: true, ...changes },
});

export const idOf = (stationID: string, key: string) => `voltbridge_${stationID.replace(":", "_")}_${key}`;

export function HOME_ASSISTANT(
  platform: (url: string, protocolVersion: 4 | 5) => PlatformDouble,
): ContractIntegration {
  return {
    settings: on(),
    platform,
    belongsTo: (id, stationID) => id.startsWith(idOf(stationID, "")),
    load: (stationID) => idOf(stationID, "station_Load_stationLoad"),
  };
}

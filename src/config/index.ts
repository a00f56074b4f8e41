export { defaultBridge, loadBridge } from "./bridge/bridge.ts";
export { bridgeEditorSchema } from "./bridge/bridge-schema.ts";
export type {
  ActuatorSettings,
  BridgeSettings,
  DriverSettings,
  HistorianSettings,
  LimitPoints,
  LimitSettings,
  MqttSettings,
  SessionSettings,
} from "./bridge/bridge-settings.ts";
export { loadDeviceFile } from "./devices/device-file.ts";
export { deviceEditorSchema } from "./devices/device-schema.ts";
export type { DeviceSetSettings, DeviceSettings } from "./devices/device-settings.ts";
export { loadDevices } from "./devices/devices.ts";
export { asLevel, fillTemplate, placeholdersOf } from "./devices/topic-template.ts";
export { type Diagnostic, formatDiagnostic, hasErrors, sortDiagnostics, strict } from "./files/diagnostic.ts";
export { closest } from "./files/did-you-mean.ts";
export { readBounded } from "./files/file-access.ts";
export { readLeniently } from "./files/json-document.ts";
export { decodeText } from "./files/text-file.ts";
export { alternatives } from "./schema/schema.ts";
export { LARGEST_CONFIG, unreadable } from "./schema/settings-file.ts";

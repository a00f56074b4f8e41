export { defaultBridge, loadBridge } from "./bridge.ts";
export { bridgeEditorSchema } from "./bridge-schema.ts";
export { loadDeviceFile } from "./device-file.ts";
export { deviceEditorSchema } from "./device-schema.ts";
export { loadDevices } from "./devices.ts";
export { type Diagnostic, formatDiagnostic, hasErrors, sortDiagnostics, strict } from "./diagnostic.ts";
export { closest } from "./did-you-mean.ts";
export { readBounded } from "./file-access.ts";
export { readLeniently } from "./json-document.ts";
export { alternatives } from "./schema.ts";
export type {
  ActuatorSettings,
  BridgeSettings,
  DeviceSetSettings,
  DeviceSettings,
  DriverSettings,
  LimitPoints,
  LimitSettings,
  MqttSettings,
  SessionSettings,
} from "./settings.ts";
export { LARGEST_CONFIG, unreadable } from "./settings-file.ts";
export { decodeText } from "./text-file.ts";
export { asLevel, fillTemplate, placeholdersOf } from "./topic-template.ts";

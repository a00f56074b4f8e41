export { type BridgeOptions, DEFAULT_BRIDGE_FILE, defaultBridge, loadBridge } from "./bridge.ts";
export { type Backends, bridgeEditorSchema } from "./bridge-schema.ts";
export { type DeviceFileOptions, type DeviceSurroundings, loadDeviceFile } from "./device-file.ts";
export { type DriverSchemas, deviceEditorSchema } from "./device-schema.ts";
export { loadDevices } from "./devices.ts";
export { type Diagnostic, formatDiagnostic, hasErrors, sortDiagnostics, strict } from "./diagnostic.ts";
export { closest } from "./did-you-mean.ts";
export type { LoadOptions } from "./resolve.ts";
export { alternatives, type Schema } from "./schema.ts";
export type {
  ActuatorSettings,
  BridgeSettings,
  DeviceSettings,
  DriverSettings,
  HistorianSettings,
  MqttSettings,
  WebSettings,
} from "./settings.ts";
export { unreadable } from "./settings-file.ts";
export { type DecodedText, decodeText } from "./text-file.ts";

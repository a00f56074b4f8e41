export {
  ALERT_CONDITIONS,
  type AlertCondition,
  type AlertSeverity,
  signingKey,
  WEEKDAYS,
} from "./bridge/alerts-schema.ts";
export { defaultBridge, loadBridge } from "./bridge/bridge.ts";
export { bridgeEditorSchema, bridgeSchema } from "./bridge/bridge-schema.ts";
export type {
  ActuatorSettings,
  AlertRuleSettings,
  AlertSettings,
  AlertTargetSettings,
  BridgeSettings,
  DriverSettings,
  HistorianSettings,
  IntegrationSettings,
  LimitPoints,
  LimitSettings,
  MailSettings,
  MetricsSettings,
  MqttSettings,
  QuietHoursSettings,
  SessionSettings,
  SparkplugSettings,
  WebSettings,
} from "./bridge/bridge-settings.ts";
export { volttronNames } from "./bridge/volttron-names.ts";
export { addressList, checkExposure } from "./bridge/web-rules.ts";
export { ROLES, type Role } from "./bridge/web-schema.ts";
export { loadDeviceFile } from "./devices/device-file.ts";
export { deviceEditorSchema, deviceSchema } from "./devices/device-schema.ts";
export type { DeviceSetSettings, DeviceSettings } from "./devices/device-settings.ts";
export { DeviceFiles, loadDevices } from "./devices/devices.ts";
export { asLevel, fillTemplate, placeholdersOf, templateBeginning } from "./devices/topic-template.ts";
export {
  type Diagnostic,
  diagnosticText,
  formatDiagnostic,
  hasErrors,
  shortPath,
  sortDiagnostics,
  strict,
} from "./files/diagnostic.ts";
export { DIAGNOSTIC_CODES, type DiagnosticCode } from "./files/diagnostic-codes.ts";
export { closest } from "./files/did-you-mean.ts";
export { disk, type FileAccess, readBounded, unreadable, unreadableReason } from "./files/file-access.ts";
export { type FileVersion, FileVersions, RecordedFiles } from "./files/file-versions.ts";
export { JsonDocument, type JsonPath, pathText, readLeniently, type Span } from "./files/json-document.ts";
export { listing } from "./files/listing.ts";
export { PathFolders } from "./files/path-folders.ts";
export { realPath } from "./files/real-path.ts";
export { decodeText } from "./files/text-file.ts";
export { applyRenames } from "./schema/renames.ts";
export { alternatives, innerSchema, type Schema } from "./schema/schema.ts";
export { LARGEST_CONFIG } from "./schema/settings-file.ts";

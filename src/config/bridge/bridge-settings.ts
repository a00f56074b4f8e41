import { dirname, resolve } from "node:path";
import type { PublishViews } from "../../points/index.ts";
import type { SettingsOf } from "../schema/settings-of.ts";
import type { BRIDGE } from "./bridge-schema.ts";

/** `configs/bridge.json` checked and named as in the code; paths as written. */
export type BridgeFile = SettingsOf<typeof BRIDGE>;

/** `configs/bridge.json` checked, defaults filled in, secrets resolved, paths absolute (contracts.md: Bridge config). */
export interface BridgeSettings extends Omit<BridgeFile, "$schema" | "driver"> {
  /** Absolute path of the file that it was loaded from. */
  readonly file: string;
  readonly driver: DriverSettings;
}

export interface DriverSettings extends Omit<BridgeFile["driver"], `publish${string}`> {
  readonly publish: PublishViews;
}

export type MqttSettings = BridgeFile["mqtt"];
export type HistorianSettings = BridgeFile["historian"];
export type SessionSettings = BridgeFile["sessions"];
export type ActuatorSettings = BridgeFile["actuator"];
/** Devices whose total load is kept under a limit. */
export type LimitSettings = BridgeFile["limits"][string];
/** Names of points; `*` stands for the port. */
export type LimitPoints = LimitSettings["points"];
export type WebSettings = BridgeFile["web"];
export type MetricsSettings = BridgeFile["metrics"];
export type IntegrationSettings = BridgeFile["integrations"];
export type AlertSettings = BridgeFile["alerts"];
export type AlertRuleSettings = AlertSettings["rules"][string];
export type AlertTargetSettings = AlertSettings["targets"][string];
export type QuietHoursSettings = NonNullable<AlertSettings["quietHours"]>;
export type MailSettings = BridgeFile["mail"];
export type ClusterSettings = BridgeFile["cluster"];
export type SparkplugSettings = IntegrationSettings["sparkplug"];

/** Completes the settings of a file: absolute paths, the publish settings as views, the address of an embedded broker. */
export function toBridgeSettings(file: string, settings: BridgeFile): BridgeSettings {
  const from = (path: string) => resolve(dirname(file), path);
  const { mail, mqtt, web, integrations } = settings;
  const { broker } = integrations.sparkplug;
  const {
    publishDepthFirstAll: depthFirstAll,
    publishBreadthFirstAll: breadthFirstAll,
    publishDepthFirst: depthFirst,
    publishBreadthFirst: breadthFirst,
    ...scraping
  } = settings.driver;
  return {
    ...settings,
    file,
    devices: from(settings.devices),
    registries: from(settings.registries),
    data: from(settings.data),
    driver: { ...scraping, publish: { depthFirstAll, breadthFirstAll, depthFirst, breadthFirst } },
    mqtt: {
      ...mqtt,
      ...(mqtt.embedded && { url: embeddedUrl(mqtt.embedded) }),
      ca: mqtt.ca && from(mqtt.ca),
      cert: mqtt.cert && from(mqtt.cert),
      key: mqtt.key && from(mqtt.key),
      baseTopic: mqtt.baseTopic.replace(/\/$/, ""),
    },
    integrations: {
      ...integrations,
      sparkplug: {
        ...integrations.sparkplug,
        broker: broker && {
          ...broker,
          ca: broker.ca && from(broker.ca),
          cert: broker.cert && from(broker.cert),
          key: broker.key && from(broker.key),
        },
      },
    },
    mail: { ...mail, ca: mail.ca && from(mail.ca) },
    web: { ...web, ...(web.tls && { tls: { cert: from(web.tls.cert), key: from(web.tls.key) } }) },
  };
}

/** Returns the URL at which programs of this machine reach the embedded broker. */
function embeddedUrl({ host, port }: { host: string; port: number }): string {
  const reachable = host === "0.0.0.0" || host === "::" ? "localhost" : host;
  return `mqtt://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`;
}

import type { DiagnosticCode } from "../files/diagnostic-codes.ts";
import type { JsonPath } from "../files/json-document.ts";
import type { SettingsContent } from "../schema/settings-file.ts";
import type { BridgeFile } from "./bridge-settings.ts";

type Report = (code: DiagnosticCode, path: JsonPath, message: string, severity?: "error" | "warning") => void;

/** Checks what a member of an estate cannot have, or has for itself only. */
export function checkCluster(
  { cluster, mqtt, historian, sessions, integrations }: BridgeFile,
  { sound }: Pick<SettingsContent, "sound">,
  report: Report,
): void {
  if (!sound("cluster.backend") || cluster.backend === "none") return;
  const refuse = (path: JsonPath, message: string, severity: "error" | "warning" = "error") =>
    report("conflicting_settings", path, message, severity);
  if (sound("cluster.ttl") && !Number.isInteger(cluster.ttlSeconds))
    refuse(["cluster", "ttl"], "the lease of a member lasts whole seconds");
  if (sound("mqtt.embedded") && mqtt.embedded)
    refuse(["mqtt", "embedded"], "members of an estate need a broker that all of them reach; set mqtt.url");
  for (const [name, key] of [
    ["homeAssistant", "home_assistant"],
    ["sparkplug", "sparkplug"],
  ] as const)
    if (sound(`integrations.${key}.enabled`) && integrations[name].enabled)
      refuse(
        ["integrations", key, "enabled"],
        "a member of an estate cannot publish this: stations move between members; run it with a bridge of its own, or leave it out",
      );
  const stays = "stays on this member, with what it read while it had the stations; use postgres";
  if (sound("historian.backend") && historian.backend === "sqlite")
    refuse(["historian", "backend"], `the history ${stays} or influxdb`, "warning");
  if (sound("sessions") && sessions.enabled && sessions.backend === "sqlite")
    refuse(["sessions", "backend"], `the table of charging sessions ${stays}`, "warning");
}

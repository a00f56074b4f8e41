import type { DiagnosticCode } from "../files/diagnostic-codes.ts";
import { closest } from "../files/did-you-mean.ts";
import { type JsonPath, pathText } from "../files/json-document.ts";
import type { SettingsContent } from "../schema/settings-file.ts";
import type { BridgeFile } from "./bridge-settings.ts";

type Report = (code: DiagnosticCode, path: JsonPath, message: string, severity?: "error" | "warning") => void;

/** Checks what the rules of the alerts name in other sections. */
export function checkAlerts(
  { alerts: { rules, targets }, limits, mail }: BridgeFile,
  { sound }: Pick<SettingsContent, "sound">,
  report: Report,
): void {
  const names = Object.keys(targets);
  for (const [name, rule] of Object.entries(rules)) {
    const place = ["alerts", "rules", name];
    if (!sound(pathText(place))) continue;
    for (const [i, target] of rule.to.entries())
      if (!names.includes(target))
        report(
          "unknown_target",
          [...place, "to", i],
          missing(`target ${JSON.stringify(target)}`, target, names),
        );
    if (!sound("limits")) continue;
    const groups = Object.keys(limits);
    for (const [i, group] of rule.groups.entries())
      if (!groups.includes(group))
        report(
          "unknown_group",
          [...place, "groups", i],
          missing(`group ${JSON.stringify(group)} in limits`, group, groups),
        );
  }
  for (const [name, target] of Object.entries(targets))
    if (
      sound(pathText(["alerts", "targets", name])) &&
      sound("mail") &&
      target.type === "mail" &&
      mail.host === undefined
    )
      report(
        "missing_key",
        ["alerts", "targets", name, "type"],
        "mail needs a server: set mail.host and mail.from",
      );
}

function missing(what: string, word: string, known: readonly string[]): string {
  const near = closest(word, known);
  return `there is no ${what}${near === undefined ? "" : `; did you mean ${JSON.stringify(near)}?`}`;
}

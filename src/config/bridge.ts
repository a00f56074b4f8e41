import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import querystring from "node:querystring";
import { levelFault } from "../points/index.ts";
import { type Backends, bridgeSchema } from "./bridge-schema.ts";
import { type BridgeFile, toBridgeSettings } from "./bridge-settings.ts";
import { checkValue } from "./check.ts";
import { type Diagnostic, hasErrors, sortDiagnostics } from "./diagnostic.ts";
import { JsonDocument, type JsonPath, pathText } from "./json-document.ts";
import type { LoadOptions } from "./resolve.ts";
import type { BridgeSettings } from "./settings.ts";
import { readSettingsFile } from "./settings-file.ts";

/** Where the bridge config is looked for when nobody names one; it may be missing there. */
const DEFAULT_BRIDGE_FILE = "configs/bridge.json";

export interface BridgeOptions extends LoadOptions {
  /** Historian backends by name, each with the schema of its `historian.connection`. Absent: neither is checked. */
  readonly backends?: Backends;
}

/**
 * Loads the bridge config. `file` undefined: `configs/bridge.json`, or all defaults where that does not exist.
 * `settings` is there where no diagnostic is an error. Never throws.
 */
export function loadBridge(
  file: string | undefined,
  options: BridgeOptions,
): { settings?: BridgeSettings; diagnostics: Diagnostic[] } {
  const path = resolve(file ?? DEFAULT_BRIDGE_FILE);
  if (file === undefined && !existsSync(path)) return { settings: defaultBridge(path), diagnostics: [] };
  const schemaOf = (raw: unknown) => bridgeSchema(raw, options.backends);
  const { document, value, diagnostics } = readSettingsFile<BridgeFile>(path, schemaOf, options);
  if (!document || !value) return { diagnostics: sortDiagnostics(diagnostics) };
  const { password } = URL.parse(value.mqtt.url) ?? { password: "" };
  for (const form of [password, querystring.unescape(password)]) options.secrets.add(form);
  const all = sortDiagnostics([...diagnostics, ...rules(document, value)]);
  return hasErrors(all)
    ? { diagnostics: all }
    : { settings: toBridgeSettings(path, value), diagnostics: all };
}

/** The settings of an empty bridge config at this place, for runs without a file. */
export function defaultBridge(file: string = DEFAULT_BRIDGE_FILE): BridgeSettings {
  const value = {};
  checkValue(new JsonDocument(file, "{}"), value, bridgeSchema(value, undefined));
  return toBridgeSettings(resolve(file), value as BridgeFile);
}

/** What holds between settings, or outside of the file, and so in no schema. */
function rules(document: JsonDocument, { instance, mqtt }: BridgeFile): Diagnostic[] {
  const found: Diagnostic[] = [];
  const report = (code: string, path: JsonPath, message: string, severity: "error" | "warning" = "error") =>
    found.push({
      code,
      severity,
      file: document.file,
      ...document.place(path),
      path: pathText(path),
      message,
    });

  const nameFault = levelFault(instance);
  if (nameFault) report("bad_name", ["instance"], `the name stands in topics, and it ${nameFault}`);
  if (mqtt.base_topic !== "")
    for (const level of mqtt.base_topic.replace(/\/$/, "").split("/")) {
      const fault = levelFault(level);
      if (fault) report("bad_topic", ["mqtt", "base_topic"], `no topic can begin so: a level ${fault}`);
    }
  if (mqtt.embedded && document.source(["mqtt", "url"]) !== undefined)
    report(
      "conflicting_settings",
      ["mqtt", "url"],
      "the broker is either at a URL or embedded; remove one of the two",
    );
  if (!URL.canParse(mqtt.url))
    report("bad_url", ["mqtt", "url"], "this is no URL; is its port a number up to 65535?");
  if (URL.parse(mqtt.url)?.password)
    report("secret_in_url", ["mqtt", "url"], "move the password to mqtt.password; URLs are shown", "warning");
  if (mqtt.password !== null && mqtt.username === null)
    report("missing_key", ["mqtt", "password"], "a password needs mqtt.username");
  if (mqtt.cert !== null && mqtt.key === null)
    report("missing_key", ["mqtt", "cert"], "a certificate needs mqtt.key");
  if (mqtt.key !== null && mqtt.cert === null)
    report("missing_key", ["mqtt", "key"], "a key needs mqtt.cert");
  for (const name of ["ca", "cert", "key"] as const) {
    const pem = mqtt[name];
    if (pem !== null && !existsSync(resolve(dirname(document.file), pem)))
      report("missing_file", ["mqtt", name], `there is no file ${resolve(dirname(document.file), pem)}`);
  }
  return found;
}

import { dirname, resolve } from "node:path";
import querystring from "node:querystring";
import { levelFault } from "../../points/index.ts";
import { type Diagnostic, hasErrors, sortDiagnostics } from "../files/diagnostic.ts";
import type { DiagnosticCode } from "../files/diagnostic-codes.ts";
import { disk, type FileAccess, notRegular, unreadableReason } from "../files/file-access.ts";
import { JsonDocument, type JsonPath, pathText } from "../files/json-document.ts";
import { isLoopback } from "../loopback.ts";
import { checkValue } from "../schema/check.ts";
import type { LoadOptions } from "../schema/resolve.ts";
import { readSettingsFile, type SettingsContent } from "../schema/settings-file.ts";
import { settingsOf } from "../schema/settings-of.ts";
import { checkAlerts } from "./alert-rules.ts";
import { BRIDGE, bridgeSchema, type SectionBackends } from "./bridge-schema.ts";
import { type BridgeFile, type BridgeSettings, toBridgeSettings } from "./bridge-settings.ts";
import { checkCluster } from "./cluster-rules.ts";
import { checkStores } from "./store-rules.ts";
import { volttronNames } from "./volttron-names.ts";
import { checkWeb } from "./web-rules.ts";

/** Bridge config that is loaded if none is named; it may be missing. */
const DEFAULT_BRIDGE_FILE = "configs/bridge.json";

/** Options of {@link loadBridge}, with the backends of the historian and of the sessions. */
export interface BridgeOptions extends LoadOptions, SectionBackends {}

/**
 * Loads the bridge config: `file`, or `configs/bridge.json`, or all defaults if that does not exist. `settings` is absent if a
 * diagnostic is an error. Never throws.
 */
export function loadBridge(
  file: string | undefined,
  options: BridgeOptions,
): { settings?: BridgeSettings; diagnostics: Diagnostic[] } {
  const path = resolve(file ?? DEFAULT_BRIDGE_FILE);
  const files = options.files ?? disk;
  if (file === undefined && fileFault(path, files) === MISSING)
    return { settings: defaultBridge(path), diagnostics: [] };
  const schemaOf = (raw: unknown) => bridgeSchema(raw, options);
  const { content, diagnostics } = readSettingsFile(path, schemaOf, options, volttronNames);
  if (!content) return { diagnostics: sortDiagnostics(diagnostics) };
  const settings = settingsOf(content.value, BRIDGE);
  const password = content.sound("mqtt.url") && URL.parse(settings.mqtt.url)?.password;
  if (password) for (const form of [password, querystring.unescape(password)]) options.secrets.add(form);
  const all = sortDiagnostics([...diagnostics, ...rules(settings, content, { files, ...options })]);
  if (hasErrors(all)) return { diagnostics: all };
  return { settings: toBridgeSettings(path, settings), diagnostics: all };
}

/** Returns the settings of an empty bridge config at this path, for runs without a file. */
export function defaultBridge(file: string = DEFAULT_BRIDGE_FILE): BridgeSettings {
  const value = {};
  checkValue(new JsonDocument(file, "{}"), value, bridgeSchema(value, {}));
  return toBridgeSettings(resolve(file), settingsOf(value, BRIDGE));
}

const MISSING = "does not exist";

/** Returns why a path does not lead to a regular file; undefined where it does. */
function fileFault(file: string, files: FileAccess): string | undefined {
  try {
    const stats = files.stat(file);
    return stats ? notRegular(stats) : MISSING;
  } catch (error) {
    return unreadableReason(error);
  }
}

/** Checks rules that a schema cannot express: between settings, and about other files. */
function rules(
  file: BridgeFile,
  content: SettingsContent,
  { files, backends }: { readonly files: FileAccess } & SectionBackends,
): Diagnostic[] {
  const { instance, mqtt } = file;
  const { document, sound } = content;
  const found: Diagnostic[] = [];
  const report = (
    code: DiagnosticCode,
    path: JsonPath,
    message: string,
    severity: "error" | "warning" = "error",
  ) =>
    found.push({
      code,
      severity,
      file: document.file,
      ...document.place(path),
      path: pathText(path),
      message,
    });
  const checkFile = (path: JsonPath, written: string) => {
    const named = resolve(dirname(document.file), written);
    const fault = fileFault(named, files);
    if (fault === MISSING) report("missing_file", path, `there is no file ${named}`);
    else if (fault) report("bad_file", path, `${named} ${fault}`);
  };

  const nameFault = sound("instance") && levelFault(instance);
  if (nameFault) report("bad_name", ["instance"], `the name is part of topics, and it ${nameFault}`);
  if (sound("mqtt.base_topic") && mqtt.baseTopic !== "")
    for (const level of mqtt.baseTopic.replace(/\/$/, "").split("/")) {
      const fault = levelFault(level);
      if (fault)
        report("bad_topic", ["mqtt", "base_topic"], `no topic can begin with this: a level ${fault}`);
    }
  if (sound("mqtt.embedded") && mqtt.embedded && document.source(["mqtt", "url"]) !== undefined)
    report(
      "conflicting_settings",
      ["mqtt", "url"],
      "the broker is either at a URL or embedded; remove one of the two",
    );
  if (sound("mqtt") && mqtt.embedded && !isLoopback(mqtt.embedded.host)) {
    const { host, port } = mqtt.embedded;
    if (mqtt.username === undefined || mqtt.password === undefined)
      report(
        "open_broker",
        ["mqtt", "embedded", "host"],
        `anyone who can reach ${host} port ${port} could use the broker and write set points; ` +
          "set mqtt.username and mqtt.password, or let it listen on 127.0.0.1",
      );
  }
  if (sound("mqtt.url") && !URL.canParse(mqtt.url))
    report("bad_url", ["mqtt", "url"], "this is not a URL; is its port a number up to 65535?");
  if (sound("mqtt.url") && URL.parse(mqtt.url)?.password)
    report(
      "secret_in_url",
      ["mqtt", "url"],
      "move the password to mqtt.password; URLs appear in messages",
      "warning",
    );
  for (const [name, needed] of [
    ["password", "username"],
    ["cert", "key"],
    ["key", "cert"],
  ] as const)
    if (
      sound(`mqtt.${name}`) &&
      mqtt[name] !== undefined &&
      sound(`mqtt.${needed}`) &&
      mqtt[needed] === undefined
    )
      report("missing_key", ["mqtt", name], `this needs mqtt.${needed} too`);
  for (const name of ["ca", "cert", "key"] as const) {
    const pem = sound(`mqtt.${name}`) ? mqtt[name] : undefined;
    if (pem !== undefined) checkFile(["mqtt", name], pem);
  }
  if (sound("mail.ca") && file.mail.ca !== undefined) checkFile(["mail", "ca"], file.mail.ca);
  const { homeAssistant } = file.integrations;
  if (
    sound("integrations.home_assistant") &&
    homeAssistant.enabled &&
    sound("mqtt.state") &&
    mqtt.state === "off"
  )
    report(
      "conflicting_settings",
      ["mqtt", "state"],
      'Home Assistant reads values from the state view: set this to "json", or integrations.home_assistant.enabled to false',
    );
  checkAlerts(file, content, report);
  checkCluster(file, content, report);
  checkStores(file, content, backends, report);
  checkWeb(file, content, { report, checkFile });
  return found;
}

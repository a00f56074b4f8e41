import { BlockList, isIP } from "node:net";
import type { DiagnosticCode } from "../files/diagnostic-codes.ts";
import type { JsonPath } from "../files/json-document.ts";
import { isLoopback } from "../loopback.ts";
import { parsePasswordHash } from "../password-hash.ts";
import type { SettingsContent } from "../schema/settings-file.ts";
import type { BridgeFile, WebSettings } from "./bridge-settings.ts";

/** Why the web interface cannot be started as it is configured. */
export interface ExposureFault {
  readonly code: DiagnosticCode;
  /** The setting, within `web`. */
  readonly setting: string;
  readonly message: string;
}

/**
 * Returns why the web interface must not listen where it is configured to: on any address but loopback it needs logins, and
 * encryption of its own or of a trusted proxy.
 */
export function checkExposure(web: WebSettings): ExposureFault | undefined {
  const { host, port, tls, users, tokens, trustedProxy } = web;
  const hasLogins = users.length > 0 || tokens.length > 0 || trustedProxy?.userHeader !== undefined;
  if (trustedProxy && !hasLogins)
    return {
      code: "missing_key",
      setting: "trusted_proxy",
      message:
        "nobody could log in: set trusted_proxy.user_header to the header in which the proxy names the user, " +
        "or make users with `voltbridge web user`",
    };
  if (isLoopback(host) || trustedProxy || (tls && hasLogins)) return undefined;
  const place = `${host} port ${port}`;
  const danger = hasLogins
    ? `passwords and tokens would reach ${place} unencrypted`
    : `anyone who can reach ${place} could use the page`;
  const missing = [
    hasLogins ? [] : "web.users (`voltbridge web user` makes them)",
    tls ? [] : "web.tls",
  ].flat();
  return {
    code: "open_web",
    setting: "host",
    message: `${danger}; set ${missing.join(" and ")}, or web.trusted_proxy, or let it listen on 127.0.0.1`,
  };
}

const NETWORK = /^(.+)\/(\d{1,3})$/;

/** Returns the addresses and networks of `trusted_proxy.addresses`, without those that are none. */
export function addressList(addresses: readonly string[]): BlockList {
  const list = new BlockList();
  for (const address of addresses) addAddress(list, address);
  return list;
}

/** Adds an address or a network to a list; returns false if it is neither. */
function addAddress(list: BlockList, text: string): boolean {
  const [, network = text, bits] = NETWORK.exec(text) ?? [];
  const version = isIP(network);
  const family = version === 6 ? "ipv6" : "ipv4";
  if (version === 0 || Number(bits ?? 0) > (version === 6 ? 128 : 32)) return false;
  if (bits === undefined) list.addAddress(network, family);
  else list.addSubnet(network, Number(bits), family);
  return true;
}

/** How a rule reports what it finds. */
export interface RuleReports {
  report(code: DiagnosticCode, path: JsonPath, message: string, severity?: "error" | "warning"): void;
  /** Reports if there is no such file, relative to the config's folder. */
  checkFile(path: JsonPath, file: string): void;
}

const VARIABLE = /(?<!\$)\$\{/;

/** Checks rules of `web` and `metrics` that their schema cannot express. */
export function checkWeb(
  { web, metrics }: BridgeFile,
  { document, sound }: SettingsContent,
  { report, checkFile }: RuleReports,
): void {
  for (const list of ["users", "tokens"] as const) {
    if (!sound(`web.${list}`)) continue;
    const names = web[list].map(({ name }) => name.normalize());
    for (const [i, name] of names.entries())
      if (names.indexOf(name) < i)
        report(
          "duplicate_user",
          ["web", list, i, "name"],
          `an entry above has the name ${JSON.stringify(name)} too`,
        );
  }
  for (const [i, { name, password, hash }] of sound("web.users") ? web.users.entries() : []) {
    const place = ["web", "users", i];
    if (password !== undefined && hash !== undefined)
      report(
        "conflicting_keys",
        [...place, "password"],
        `"hash" is the password of this user; remove "password"`,
      );
    else if (password === undefined && hash === undefined)
      report("missing_key", place, '"hash" is missing; `voltbridge web user` makes one');
    if (hash !== undefined && !parsePasswordHash(hash))
      report(
        "bad_hash",
        [...place, "hash"],
        "this is not the hash of a password, or its cost is out of bounds; `voltbridge web user` makes one",
      );
    const written = rawAt(document.value, [...place, "password"]);
    if (typeof written === "string" && !VARIABLE.test(written))
      report(
        "password_in_clear",
        [...place, "password"],
        `the password of ${JSON.stringify(name)} is in clear text; replace it by the hash that \`voltbridge web user\` makes`,
        "warning",
      );
  }
  for (const [i, { hash }] of sound("web.tokens") ? web.tokens.entries() : [])
    if (!/^[\da-f]{64}$/i.test(hash))
      report(
        "bad_hash",
        ["web", "tokens", i, "hash"],
        "this is not the hash of a token (64 hexadecimal digits), nor is the token itself; `voltbridge web token` makes one",
      );
  const { trustedProxy, tls, session } = web;
  if (sound("web.trusted_proxy") && trustedProxy) {
    for (const [i, address] of trustedProxy.addresses.entries())
      if (!addAddress(new BlockList(), address))
        report(
          "bad_text",
          ["web", "trusted_proxy", "addresses", i],
          "this is neither an IP address nor a network such as 10.0.0.0/24",
        );
    for (const header of ["user_header", "role_header"] as const) {
      const name = header === "user_header" ? trustedProxy.userHeader : trustedProxy.roleHeader;
      if (name !== undefined && !/^[\w!#$%&'*+.^`|~-]+$/.test(name))
        report("bad_text", ["web", "trusted_proxy", header], "this is not the name of an HTTP header");
    }
    if (trustedProxy.roleHeader !== undefined && trustedProxy.userHeader === undefined)
      report(
        "missing_key",
        ["web", "trusted_proxy", "role_header"],
        "this needs web.trusted_proxy.user_header too",
      );
  }
  if (sound("web.tls") && tls) {
    checkFile(["web", "tls", "cert"], tls.cert);
    checkFile(["web", "tls", "key"], tls.key);
  }
  if (sound("web.session") && session.idleSeconds > session.absoluteSeconds)
    report("conflicting_settings", ["web", "session"], "`idle` is longer than `absolute`, and has no effect");
  if (!sound("web") || !web.enabled) return;
  const fault = checkExposure(web);
  if (fault) report(fault.code, ["web", fault.setting], fault.message);
  if (sound("metrics") && metrics.enabled && metrics.port === web.port && metrics.host === web.host)
    report(
      "conflicting_settings",
      ["metrics", "port"],
      "this is the port of the web interface; remove it, or choose another one",
    );
}

/** Returns the value at a place of the document as written, before variables and secret files were resolved. */
function rawAt(value: unknown, path: JsonPath): unknown {
  return path.reduce<unknown>(
    (inner, step) => (typeof inner === "object" && inner !== null ? (inner as never)[step] : undefined),
    value,
  );
}

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkExposure, loadBridge } from "../../../src/config/index.ts";
import { Secrets } from "../../../src/log/log.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "voltbridge-web-"));
  for (const name of ["cert.pem", "key.pem"]) writeFileSync(join(folder, name), "");
});
afterEach(() => rmSync(folder, { recursive: true }));

function load(web: object, rest: object = {}, env: Record<string, string> = {}) {
  const file = join(folder, "bridge.json");
  writeFileSync(file, JSON.stringify({ web: { enabled: true, ...web }, ...rest }), { mode: 0o600 });
  return loadBridge(file, { secrets: new Secrets(), env });
}

const problems = (web: object, rest: object = {}) =>
  load(web, rest).diagnostics.map(({ severity, code, path }) => `${severity} ${code} ${path}`);

const HASH = `scrypt$32768$8$3$${"A".repeat(22)}$${"A".repeat(43)}`;
const users = [{ name: "ann", hash: HASH }];
const tokens = [{ name: "ems", hash: "a".repeat(64) }];
const tls = { cert: "cert.pem", key: "key.pem" };
const proxy = { addresses: ["10.0.0.2"], user_header: "Remote-User" };

describe("the settings of the web interface", () => {
  test("have roles that are not the highest, and paths from the config's folder", () => {
    const { settings, diagnostics } = load({ users, tokens, tls, trusted_proxy: proxy });
    expect(diagnostics).toEqual([]);
    expect(settings?.web).toMatchObject({
      users: [{ name: "ann", role: "operate" }],
      tokens: [{ name: "ems", role: "view" }],
      trustedProxy: { addresses: ["10.0.0.2"], userHeader: "Remote-User", role: "view" },
      tls: { cert: join(folder, "cert.pem"), key: join(folder, "key.pem") },
    });
  });

  describe("G9: on an address of the network it is refused", () => {
    test.each([
      [
        "as it is",
        {},
        /anyone who can reach 0\.0\.0\.0 port 8080 .*web\.users .*and web\.tls, or web\.trusted_proxy/,
      ],
      ["with TLS alone", { tls }, /anyone .*set web\.users \(`voltbridge web user` makes them\), or/],
      [
        "with users alone",
        { users },
        /passwords and tokens .*unencrypted; set web\.tls, or web\.trusted_proxy/,
      ],
      ["with tokens alone", { tokens }, /unencrypted/],
    ])("%s", (_, settings, message) => {
      for (const host of ["0.0.0.0", "::", "192.168.1.20", "bridge.example"]) {
        const { settings: loaded, diagnostics } = load({ host, ...settings });
        expect(loaded).toBeUndefined();
        expect(diagnostics).toMatchObject([{ severity: "error", code: "open_web", path: "web.host" }]);
        if (host === "0.0.0.0") expect(diagnostics[0]!.message).toMatch(message);
      }
    });

    test.each([
      ["users and TLS", { users, tls }],
      ["tokens and TLS", { tokens, tls }],
      ["a proxy that names users", { trusted_proxy: proxy }],
      ["a proxy that encrypts, and users", { trusted_proxy: { addresses: ["10.0.0.0/24"] }, users }],
      ["nothing, where it is not served", { enabled: false }],
    ])("but not with %s", (_, settings) => expect(problems({ host: "0.0.0.0", ...settings })).toEqual([]));

    test.each(["127.0.0.1", "127.1.2.3", "::1", "localhost"])("nor at %s", (host) =>
      expect(problems({ host })).toEqual([]),
    );

    test("also where the address comes from an option of the start", () => {
      const { web } = load({}).settings!;
      expect(checkExposure(web)).toBeUndefined();
      expect(checkExposure({ ...web, host: "0.0.0.0" })).toMatchObject({ code: "open_web" });
    });
  });

  test("a proxy that names nobody, without users, lets nobody in", () =>
    expect(problems({ trusted_proxy: { addresses: ["10.0.0.2"] } })).toEqual([
      "error missing_key web.trusted_proxy",
    ]));

  test("G1: a password in clear is a warning, of a variable or a file it is none", () => {
    writeFileSync(join(folder, "pw"), "canary-file\n", { mode: 0o600 });
    const { settings, diagnostics } = load(
      {
        users: [
          { name: "a", password: "canary-clear" },
          // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of a config
          { name: "b", password: "${PW}" },
          { name: "c", password: { file: "pw" } },
          // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of a config
          { name: "d", hash: "${HASH}" },
        ],
      },
      {},
      { PW: "canary-env", HASH },
    );
    expect(diagnostics).toMatchObject([
      {
        severity: "warning",
        code: "password_in_clear",
        path: "web.users[0].password",
        message: expect.stringMatching(/"a".*voltbridge web user/),
      },
    ]);
    expect(JSON.stringify(diagnostics)).not.toContain("canary");
    expect(settings?.web.users.map(({ password, hash }) => password ?? hash)).toEqual([
      "canary-clear",
      "canary-env",
      "canary-file",
      HASH,
    ]);
  });

  test.each([
    ["the password itself", "canary-password"],
    ["cut off", HASH.slice(0, -10)],
    ["4 GB", HASH.replace("32768", "4194304")],
    ["no cost", HASH.replace("32768", "2")],
  ])("G9: a hash that is unusable is an error that does not show it: %s", (_, hash) => {
    const { diagnostics } = load({ users: [{ name: "ann", hash }] });
    expect(diagnostics).toMatchObject([{ severity: "error", code: "bad_hash", path: "web.users[0].hash" }]);
    expect(JSON.stringify(diagnostics)).not.toContain(hash);
  });

  test("the token itself in place of its hash is an error that does not show it", () => {
    const token = `vbt_canary${"A".repeat(37)}`;
    const { diagnostics } = load({ tokens: [{ name: "ems", hash: token }] });
    expect(diagnostics).toMatchObject([{ code: "bad_hash", path: "web.tokens[0].hash" }]);
    expect(JSON.stringify(diagnostics)).not.toContain("canary");
  });

  test.each([
    [
      "two users of one name",
      { users: [...users, { name: "ann", hash: HASH }] },
      "duplicate_user web.users[1].name",
    ],
    ["two tokens of one name", { tokens: [...tokens, ...tokens] }, "duplicate_user web.tokens[1].name"],
    ["neither password nor hash", { users: [{ name: "ann" }] }, "missing_key web.users[0]"],
    ["an unknown role", { users: [{ ...users[0], role: "root" }] }, "bad_choice web.users[0].role"],
    ["a name with a line break", { users: [{ name: "a\nb", hash: HASH }] }, "bad_text web.users[0].name"],
    ["a space before a name", { tokens: [{ ...tokens[0], name: " a" }] }, "bad_text web.tokens[0].name"],
    ["TLS without a key", { tls: { cert: "cert.pem" } }, "missing_key web.tls.key"],
    ["no certificate", { tls: { ...tls, cert: "none.pem" } }, "missing_file web.tls.cert"],
    ["a folder as key", { tls: { ...tls, key: "folder" } }, "bad_file web.tls.key"],
    ["no proxy", { trusted_proxy: { ...proxy, addresses: [] } }, "bad_list web.trusted_proxy.addresses"],
    [
      "a name of a header",
      { trusted_proxy: { ...proxy, user_header: "Remote User" } },
      "bad_text web.trusted_proxy.user_header",
    ],
    [
      "an idle time above the absolute",
      { session: { idle: 7200, absolute: 3600 } },
      "conflicting_settings web.session",
    ],
  ])("an error: %s", (_, settings, problem) => {
    mkdirSync(join(folder, "folder"));
    expect(problems(settings)).toEqual([`error ${problem}`]);
  });

  test.each(["proxy.example", "10.0.0.0/33", "2001:db8::/129", "10.0.0", "", "10.0.0.0/x"])(
    "%j is no address of a proxy",
    (address) => {
      const found = problems({ trusted_proxy: { ...proxy, addresses: ["10.0.0.2", address] } });
      expect(found).toEqual(["error bad_text web.trusted_proxy.addresses[1]"]);
    },
  );

  test("both a password and a hash are one too many", () =>
    expect(problems({ users: [{ name: "ann", password: "canary-word", hash: HASH }] })).toEqual([
      "error conflicting_keys web.users[0].password",
      "warning password_in_clear web.users[0].password",
    ]));

  test("a port of their own for the metrics is another one", () => {
    const port = (number: number | null) => problems({}, { metrics: { port: number } });
    expect(port(8080)).toEqual(["error conflicting_settings metrics.port"]);
    expect(port(9100)).toEqual([]);
    expect(port(null)).toEqual([]);
  });
});

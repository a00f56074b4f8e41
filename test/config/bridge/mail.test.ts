import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadBridge } from "../../../src/config/index.ts";
import { Secrets } from "../../../src/log/log.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "voltbridge-mail-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const secrets = new Secrets();
function load(mail: object) {
  const file = join(folder, "bridge.json");
  writeFileSync(file, JSON.stringify({ mail }), { mode: 0o600 });
  return loadBridge(file, { secrets, env: { MAIL_PASSWORD: "s3cret-of-mail" } });
}
const problems = (mail: object) =>
  load(mail).diagnostics.map(({ severity, code, path }) => `${severity} ${code} ${path}`);

const from = "bridge@example.com";
// biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the config
const login = { username: "bridge", password: "${MAIL_PASSWORD}" };

describe("the mail server's settings", () => {
  test("have the password from a variable, and the log blanks it", () => {
    writeFileSync(join(folder, "ca.pem"), "");
    const { settings, diagnostics } = load({ host: "mail.example.com", from, ca: "ca.pem", ...login });
    expect(diagnostics).toEqual([]);
    expect(settings?.mail).toEqual({
      host: "mail.example.com",
      tls: "starttls",
      ca: join(folder, "ca.pem"),
      username: "bridge",
      password: "s3cret-of-mail",
      from,
    });
    expect(secrets.blank("the password is s3cret-of-mail")).toBe("the password is ***");
  });

  test("never send a password unencrypted to another machine", () => {
    expect(problems({ host: "mail.example.com", tls: "none", from, ...login })).toEqual([
      "error sent_in_clear mail.tls",
    ]);
    expect(problems({ host: "localhost", tls: "none", from, ...login })).toEqual([]);
    expect(problems({ host: "mail.example.com", tls: "none", from })).toEqual([]);
  });

  test.each([
    [{ host: "mail.example.com" }, "error missing_key mail.host"],
    [{ host: "mail.example.com", from, username: "bridge" }, "error missing_key mail.username"],
    [{ host: "mail.example.com", from, password: "abcdef" }, "error missing_key mail.password"],
    [{ host: "mail.example.com", from: "Bridge <bridge@example.com>" }, "error bad_text mail.from"],
    [{ host: "mail.example.com", from, ca: "none.pem" }, "error missing_file mail.ca"],
  ])("%j: %s", (mail, problem) => {
    expect(problems(mail)).toEqual([problem]);
  });
});

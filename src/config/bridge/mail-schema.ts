import { isLoopback } from "../loopback.ts";
import type { Schema, SettingFault } from "../schema/schema.ts";
import { choice, optionalText, section } from "../schema/setting-kinds.ts";

/** Text of one address of a mail, without a display name. */
export const MAIL_ADDRESS = {
  type: "string",
  pattern: '^[^\\s@<>,;"]+@[^\\s@<>,;"]+$',
  "x-expected": "a mail address, e.g. operator@example.com",
} as const;

/** The `mail` section of the bridge config. */
export const MAIL = {
  ...section("The mail server (SMTP) that sends the bridge's mail: alerts and reports.", {
    host: {
      ...optionalText("Name or address of the mail server. Left out: the bridge sends no mail."),
      "x-destination": true,
    },
    port: {
      type: ["integer", "null"],
      minimum: 1,
      maximum: 65_535,
      default: null,
      description: "Port of the mail server. Default: 587 with `starttls`, 465 with `tls`, 25 with `none`.",
      "x-destination": true,
    },
    tls: {
      ...choice(
        ["starttls", "tls", "none"],
        "starttls",
        "Encryption: by STARTTLS, from the first byte, or none. The server's certificate is always verified; a server without STARTTLS is refused.",
      ),
      "x-destination": true,
    },
    ca: {
      ...optionalText(
        "PEM file of the authority that signed the server's certificate. Left out: those built into Node.",
      ),
      "x-local": true,
    },
    username: optionalText("User name at the mail server. Left out: no login."),
    password: {
      ...optionalText("Password at the mail server. A [secret](#variables-and-secrets)."),
      "x-secret": true,
    },
    from: {
      ...MAIL_ADDRESS,
      type: ["string", "null"],
      default: null,
      description: "Sender's address. Required with `mail.host`.",
    },
  }),
  "x-faults": mailFaults,
} as const satisfies Schema;

function mailFaults(mail: {
  readonly host: string | null;
  readonly tls: string;
  readonly username: string | null;
  readonly password: string | null;
  readonly from: string | null;
}): readonly SettingFault[] {
  const { host, tls, username, password, from } = mail;
  const faults: SettingFault[] = [];
  const report = (code: SettingFault["code"], setting: string, message: string) =>
    faults.push({ code, severity: "error", setting, message });
  if (host !== null && from === null) report("missing_key", "host", "this needs mail.from too");
  if (username === null && password !== null)
    report("missing_key", "password", "this needs mail.username too");
  if (username !== null && password === null)
    report("missing_key", "username", "this needs mail.password too");
  if (host !== null && password !== null && tls === "none" && !isLoopback(host))
    report(
      "sent_in_clear",
      "tls",
      `the password would go to ${host} unencrypted; write "starttls" or "tls", or remove mail.username and mail.password`,
    );
  return faults;
}

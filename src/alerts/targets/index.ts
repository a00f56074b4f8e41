import { type AlertTargetSettings, type MailSettings, signingKey } from "../../config/index.ts";
import { Mailer } from "../../net/mail.ts";
import type { Clock } from "../../time/clock.ts";
import { MailTarget } from "./mail-target.ts";
import type { Target } from "./target.ts";
import { Webhook } from "./webhook.ts";

export interface TargetParts {
  readonly instance: string;
  readonly version: string;
  readonly mail: MailSettings;
  readonly clock: Clock;
}

/** Creates a target out of checked settings. */
export function createTarget(settings: AlertTargetSettings, parts: TargetParts): Target {
  const { mail, ...rest } = parts;
  if (settings.type === "webhook") {
    const key = signingKey(settings.secret ?? "");
    if (settings.url === undefined || !key) throw new Error("a webhook needs url and secret");
    return new Webhook({ ...rest, url: settings.url, key });
  }
  const { host, from } = mail;
  if (host === undefined || from === undefined) throw new Error("mail needs mail.host and mail.from");
  return new MailTarget({ ...rest, mailer: new Mailer({ ...mail, host, from }), to: settings.to, from });
}

import { isLoopback } from "../loopback.ts";
import type { Schema, SentInClear, SettingFault } from "../schema/schema.ts";
import { choice } from "../schema/setting-kinds.ts";
import { MAIL_ADDRESS } from "./mail-schema.ts";

/** THE LIST of conditions, each with the seconds for which it must hold by default. */
export const ALERT_CONDITIONS = {
  station_unreachable: 300,
  station_alarm: 0,
  limit_exceeded: 60,
  store_away: 300,
  values_lost: 0,
  broker_away: 300,
  account_paused: 300,
  calls_used_up: 300,
} as const;
export type AlertCondition = keyof typeof ALERT_CONDITIONS;

const CONDITIONS = Object.keys(ALERT_CONDITIONS) as readonly AlertCondition[];

export const SEVERITIES = ["info", "warning", "critical"] as const;
export type AlertSeverity = (typeof SEVERITIES)[number];

const NAME = { pattern: "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$" } as const;
const TEXTS = { type: "array", default: [], items: { type: "string", minLength: 1 } } as const;
const TIME = {
  type: "string",
  pattern: "^([01]\\d|2[0-3]):[0-5]\\d$",
  "x-expected": "a time of day, e.g. 22:00",
} as const;
export const WEEKDAYS = [
  "sunday",
  "monday",
  "tuesday",
  "wednesday",
  "thursday",
  "friday",
  "saturday",
] as const;

/** One rule of the `alerts` section. */
export const ALERT_RULE = {
  type: "object",
  properties: {
    when: { enum: CONDITIONS, description: "[Condition](alerts.md#conditions) of the alert." },
    for: {
      type: ["number", "null"],
      minimum: 0,
      maximum: 604_800,
      default: null,
      "x-unit": "seconds",
      description:
        "Seconds for which the condition must hold before the alert begins. Default: that of the [condition](alerts.md#conditions).",
    },
    devices: {
      ...TEXTS,
      description:
        "Paths of devices, or [patterns](control.md#overrides) of paths, of `station_unreachable` and `station_alarm`. Empty: all.",
    },
    alarms: {
      ...TEXTS,
      description:
        "Names of alarms as the network writes them, or patterns of names, of `station_alarm`; upper and lower case are the same. Empty: all.",
    },
    groups: { ...TEXTS, description: "Groups of `limits`, of `limit_exceeded`. Empty: all." },
    severity: choice(SEVERITIES, "warning", "How grave the alert is."),
    repeat: {
      type: ["number", "null"],
      minimum: 60,
      default: null,
      "x-unit": "seconds",
      description: "Seconds after which an alert that goes on is sent again. Left out: it is sent once.",
    },
    to: {
      ...TEXTS,
      uniqueItems: true,
      description:
        "Names of the targets that get the alert and its end. Every alert is published over MQTT too.",
    },
  },
  required: ["when"],
  additionalProperties: false,
  "x-faults": ruleFaults,
} as const satisfies Schema;

/** One target of the `alerts` section. */
export const ALERT_TARGET = {
  type: "object",
  properties: {
    type: { enum: ["webhook", "mail"], "x-destination": true, description: "Kind of target." },
    url: {
      type: ["string", "null"],
      pattern: "^https?://[^\\s]+$",
      "x-expected": "a URL that begins with https:// or http://",
      default: null,
      "x-destination": true,
      description: "Of a webhook: where messages are posted to. Redirects are not followed.",
    },
    secret: {
      type: ["string", "null"],
      minLength: 1,
      default: null,
      "x-secret": true,
      description:
        "Of a webhook: key of the [signatures](alerts.md#webhooks), 24 to 64 bytes in base64, with or without `whsec_` before it; `openssl rand -base64 32` makes one. A [secret](configuration.md#variables-and-secrets).",
    },
    to: { ...TEXTS, items: MAIL_ADDRESS, description: "Of `mail`: addresses. The server is that of `mail`." },
  },
  required: ["type"],
  additionalProperties: false,
  "x-faults": targetFaults,
  "x-sends-in-clear": sentInClear,
} as const satisfies Schema;

/** The `alerts` section of the bridge config. */
export const ALERTS = {
  type: "object",
  default: {},
  description: "Messages about what operators must know.",
  properties: {
    rules: {
      type: "object",
      default: {},
      propertyNames: NAME,
      additionalProperties: ALERT_RULE,
      description: "Rules by name: [rules](alerts.md#rules).",
    },
    targets: {
      type: "object",
      default: {},
      propertyNames: NAME,
      additionalProperties: ALERT_TARGET,
      description: "Where messages are sent, by name: [targets](alerts.md#targets).",
    },
    quiet_hours: {
      type: "object",
      description:
        "Time of day in which nothing is sent to the targets: [quiet hours](alerts.md#quiet-hours). What begins in it is sent at its end if it still holds.",
      properties: {
        from: { ...TIME, description: "When it begins, by the clocks of `time_zone`." },
        to: { ...TIME, description: "When it ends; before `from`: on the next day." },
        time_zone: {
          type: "string",
          default: "UTC",
          description: "IANA name of a time zone, e.g. `Europe/Berlin`.",
        },
        days: {
          type: "array",
          default: WEEKDAYS,
          minItems: 1,
          uniqueItems: true,
          items: { enum: WEEKDAYS },
          description: "Days on which it begins. Default: every day.",
        },
        except: {
          type: "array",
          default: ["critical"],
          items: { enum: SEVERITIES },
          description: "Severities that are sent at any time.",
        },
      },
      required: ["from", "to"],
      additionalProperties: false,
      "x-faults": quietFaults,
    },
  },
  additionalProperties: false,
} as const satisfies Schema;

/** Settings of a rule that only some conditions use. */
const USED_BY: readonly (readonly [
  setting: "devices" | "alarms" | "groups",
  conditions: readonly string[],
])[] = [
  ["devices", ["station_unreachable", "station_alarm"]],
  ["alarms", ["station_alarm"]],
  ["groups", ["limit_exceeded"]],
];

function ruleFaults(rule: {
  readonly when: string;
  readonly devices: readonly string[];
  readonly alarms: readonly string[];
  readonly groups: readonly string[];
}): readonly SettingFault[] {
  return USED_BY.filter(
    ([setting, conditions]) => rule[setting].length > 0 && !conditions.includes(rule.when),
  ).map(([setting, conditions]) => ({
    code: "conflicting_keys",
    severity: "error",
    setting,
    message: `a rule with "when": "${rule.when}" has no ${setting}; only ${conditions.join(" and ")} has`,
  }));
}

/** Returns the key of a webhook's signatures; undefined where the text holds none. */
export function signingKey(secret: string): Buffer | undefined {
  const text = secret.replace(/^whsec_/, "");
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  const key = Buffer.from(text, "base64");
  return key.length >= 24 && key.length <= 64 ? key : undefined;
}

function targetFaults(target: {
  readonly type: string;
  readonly url: string | null;
  readonly secret: string | null;
  readonly to: readonly string[];
}): readonly SettingFault[] {
  const { type, url, secret, to } = target;
  const faults: SettingFault[] = [];
  const report = (code: SettingFault["code"], setting: string, message: string) =>
    faults.push({ code, severity: "error", setting, message });
  if (type === "mail") {
    if (to.length === 0) report("missing_key", "type", 'a target of type "mail" needs addresses in "to"');
    for (const [setting, value] of [
      ["url", url],
      ["secret", secret],
    ] as const)
      if (value !== null) report("conflicting_keys", setting, `a target of type "mail" has no ${setting}`);
    return faults;
  }
  if (to.length > 0) report("conflicting_keys", "to", 'a target of type "webhook" has no "to"; it has "url"');
  if (url === null) report("missing_key", "type", 'a target of type "webhook" needs "url"');
  else if (!URL.canParse(url))
    report("bad_url", "url", "this is not a URL; is its port a number up to 65535?");
  else if (URL.parse(url)?.username)
    report("secret_in_url", "url", "move the password out of the URL; URLs appear in messages");
  if (secret === null)
    report("missing_key", "type", 'a target of type "webhook" needs "secret", to sign its messages');
  else if (!signingKey(secret))
    report(
      "bad_secret",
      "secret",
      "the key must be 24 to 64 bytes in base64; `openssl rand -base64 32` makes one",
    );
  return faults;
}

function sentInClear({ url }: { readonly url: string | null }): SentInClear | undefined {
  const target = url === null ? null : URL.parse(url);
  if (target?.protocol !== "http:" || isLoopback(target.hostname)) return undefined;
  return { setting: "url", host: target.host, remedy: "write https:// where the receiver offers it" };
}

function quietFaults(quiet: {
  readonly from: string;
  readonly to: string;
  readonly time_zone: string;
}): readonly SettingFault[] {
  const faults: SettingFault[] = [];
  if (quiet.from === quiet.to)
    faults.push({
      code: "conflicting_settings",
      severity: "error",
      setting: "to",
      message: "from and to are equal, so there are no quiet hours",
    });
  try {
    new Intl.DateTimeFormat("en", { timeZone: quiet.time_zone });
  } catch {
    faults.push({
      code: "bad_timezone",
      severity: "error",
      setting: "time_zone",
      message: `there is no time zone ${JSON.stringify(quiet.time_zone)}`,
    });
  }
  return faults;
}

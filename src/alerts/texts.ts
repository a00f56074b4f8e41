import type { AlertCondition } from "../config/index.ts";
import type { AlertMessage, AlertSubject } from "../points/index.ts";

/** Maximum number of subjects named in a message. */
export const MOST_LISTED = 20;

const WHAT: Readonly<Record<AlertCondition, readonly [one: string, many: string]>> = {
  station_unreachable: ["station is unreachable", "stations are unreachable"],
  station_alarm: ["station alarm", "station alarms"],
  limit_exceeded: ["site limit is exceeded", "site limits are exceeded"],
  store_away: ["history store takes no values", "history stores take no values"],
  values_lost: ["queue loses values", "queues lose values"],
  broker_away: ["broker is not connected", "brokers are not connected"],
  account_paused: ["account is paused after failures", "accounts are paused after failures"],
  calls_used_up: ["account has used up its calls", "accounts have used up their calls"],
};

type Described = Pick<AlertMessage, "rule" | "state" | "subjects" | "count"> & {
  readonly when: AlertCondition;
};

/** Returns an alert as one line: `2 stations are unreachable: campus/garage/station-1 (no answer), …`. */
export function alertText({ when, state, subjects, count }: Described): string {
  const [one, many] = WHAT[when];
  const what = count === 1 ? `1 ${one}` : `${count} ${many}`;
  const named = subjects.slice(0, 3).map((subject) => nameOf(subject, state));
  const more = count - named.length;
  const list = `${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  return state === "cleared" ? `over: ${what}: ${list}` : `${what}: ${list}`;
}

/** Returns the text of a mail about one message, in lines. */
export function mailText(message: AlertMessage): string {
  const { rule, severity, state, subjects, count, since, at, text, id } = message;
  const more = count - subjects.length;
  const head =
    state === "cleared" ? `CLEARED ${text.replace(/^over: /, "")}` : `${severity.toUpperCase()} ${text}`;
  return [
    head,
    `  rule   ${rule}`,
    `  since  ${since}`,
    ...(state === "cleared" ? [`  until  ${at}`] : []),
    ...(count > 1 ? subjects.map((subject) => `  - ${nameOf(subject, state)}`) : []),
    ...(count > 1 && more > 0 ? [`  - and ${more} more`] : []),
    `  alert  ${id}`,
  ].join("\n");
}

function nameOf({ name, text }: AlertSubject, state: string): string {
  return state === "cleared" || text === "" ? name : `${name} (${text})`;
}

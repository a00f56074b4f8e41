import { randomUUID } from "node:crypto";
import type { AlertCondition, AlertRuleSettings } from "../config/index.ts";
import type { AlertMessage, AlertSubject, PointValue } from "../points/index.ts";
import { recordOf } from "../storage/saved-record.ts";
import type { StateNamespace } from "../storage/state-store.ts";
import type { Clock } from "../time/clock.ts";
import type { RuleWatch, Trouble } from "./rule-watch.ts";
import { alertText, MOST_LISTED } from "./texts.ts";

/** Maximum length of what is said of a subject. */
const LONGEST_TEXT = 300;

/** An alert that has begun, as it is kept on disk. */
interface SavedAlert {
  readonly rule: string;
  readonly when: AlertCondition;
  readonly severity: AlertRuleSettings["severity"];
  readonly since: string;
  /** Number of subjects at its beginning, and the first of them. */
  readonly count: number;
  readonly subjects: readonly AlertSubject[];
  /** Keys of the subjects for which it still holds. */
  readonly keys: readonly string[];
  /** Targets that were told; absent: none yet, in quiet hours. */
  readonly told?: readonly string[];
  readonly repeats: number;
  /** When it ended; absent while it goes on. */
  readonly endedAt?: string;
}

interface Alert extends Omit<SavedAlert, "keys" | "told" | "repeats" | "endedAt"> {
  readonly id: string;
  readonly open: Set<string>;
  told: readonly string[] | undefined;
  repeats: number;
  /** By the monotonic clock. */
  repeatAt: number;
  endedAt: string | undefined;
  isAnnounced: boolean;
}

const texts = (value: unknown) => Array.isArray(value) && value.every((one) => typeof one === "string");

const isSaved = recordOf<SavedAlert>({
  rule: "string",
  when: "string",
  severity: "string",
  since: "string",
  count: "number",
  subjects: (value) =>
    Array.isArray(value) && value.every(recordOf<AlertSubject>({ name: "string", text: "string" })),
  keys: texts,
  told: (value) => value === undefined || texts(value),
  repeats: "number",
  endedAt: "string?",
});

export interface ActiveAlertsOptions {
  readonly store: StateNamespace;
  readonly clock: Clock;
  /** Publishes a change, at any time of day. */
  readonly announce: (message: AlertMessage) => void;
  /** Sends a message to targets. */
  readonly send: (message: AlertMessage, targets: readonly string[]) => void;
  /** Returns a text as it may be shown: without secrets and control characters. */
  readonly readable: (text: string) => string;
  /** Whether nothing of this severity is sent now. */
  readonly isQuiet: (severity: string) => boolean;
}

/** Alerts that have begun and not ended, or whose end is still to be sent. They are kept over restarts. */
export class ActiveAlerts {
  readonly #options: ActiveAlertsOptions;
  readonly #alerts = new Map<string, Alert>();
  /** By rule and key. */
  readonly #byKey = new Map<string, Alert>();
  readonly #unsaved = new Set<string>();
  /** Alerts whose end was announced in this run, and is to be sent after the quiet hours. */
  readonly #ended = new Set<string>();
  #hasChanged: boolean;

  constructor(options: ActiveAlertsOptions) {
    this.#options = options;
    const all = options.store.records(isSaved).sort(([, a], [, b]) => (a.since < b.since ? -1 : 1));
    for (const [id, saved] of all) {
      const { keys, told, repeats, endedAt, ...rest } = saved;
      const alert = {
        ...rest,
        id,
        open: new Set(keys),
        told,
        repeats,
        repeatAt: 0,
        endedAt,
        isAnnounced: true,
      };
      this.#alerts.set(id, alert);
      // Its end was announced before the restart.
      if (endedAt !== undefined) this.#ended.add(id);
      for (const key of keys) this.#byKey.set(keyIn(rest.rule, key), alert);
    }
    this.#hasChanged = all.length > 0;
  }

  has(rule: string, key: string): boolean {
    return this.#byKey.has(keyIn(rule, key));
  }

  /** Returns the rules and keys of all that holds. */
  open(): { readonly rule: string; readonly when: AlertCondition; readonly key: string }[] {
    return [...this.#alerts.values()].flatMap(({ rule, when, open }) =>
      [...open].map((key) => ({ rule, when, key })),
    );
  }

  countBySeverity(): Record<string, number> {
    const counts: Record<string, number> = { info: 0, warning: 0, critical: 0 };
    for (const { severity, endedAt } of this.#alerts.values())
      if (endedAt === undefined) counts[severity] = (counts[severity] ?? 0) + 1;
    return counts;
  }

  begin({ name, settings: { when, severity } }: RuleWatch, troubles: ReadonlyMap<string, Trouble>): void {
    const { readable } = this.#options;
    const all = [...troubles.values()];
    const alert: Alert = {
      id: randomUUID(),
      rule: name,
      ...{ when, severity },
      since: new Date(
        all.reduce((first, { sinceMs }) => Math.min(first, sinceMs), Number.POSITIVE_INFINITY),
      ).toISOString(),
      count: all.length,
      subjects: all.slice(0, MOST_LISTED).map((one) => ({
        name: readable(one.name),
        text: readable(one.text).slice(0, LONGEST_TEXT),
      })),
      open: new Set(troubles.keys()),
      told: undefined,
      repeats: 0,
      repeatAt: 0,
      endedAt: undefined,
      isAnnounced: false,
    };
    this.#alerts.set(alert.id, alert);
    for (const key of troubles.keys()) this.#byKey.set(keyIn(name, key), alert);
  }

  /** Called when the condition of a rule holds no longer for a subject. */
  end(rule: string, key: string): void {
    const alert = this.#byKey.get(keyIn(rule, key));
    if (!alert) return;
    this.#byKey.delete(keyIn(rule, key));
    alert.open.delete(key);
    if (alert.open.size > 0) return;
    alert.endedAt = new Date(this.#options.clock.now()).toISOString();
    this.#unsaved.add(alert.id);
  }

  /** Called when a target lost the beginning of an alert: it is not told of its end either. */
  untell(id: string, target: string): void {
    const alert = this.#alerts.get(id);
    if (!alert?.told) return;
    alert.told = alert.told.filter((name) => name !== target);
    this.#unsaved.add(id);
  }

  /** Announces, sends and saves what has changed. `rules`: those that are configured now. */
  flush(rules: ReadonlyMap<string, RuleWatch>): void {
    for (const alert of this.#alerts.values()) {
      const settings = rules.get(alert.rule)?.settings;
      this.#announce(alert);
      if (!this.#options.isQuiet(alert.severity)) this.#send(alert, settings);
      // No target was told of its beginning, so none is told of its end.
      else if (alert.endedAt !== undefined && alert.told === undefined) this.#forget(alert);
    }
    this.#save();
  }

  /** Returns whether another set of alerts is active than at the last call. */
  takeChange(): boolean {
    const hasChanged = this.#hasChanged;
    this.#hasChanged = false;
    return hasChanged;
  }

  /** Returns the newest of the active alerts, and their number. */
  list(most: number): { readonly active: readonly AlertMessage[]; readonly count: number } {
    const active = [...this.#alerts.values()].filter(({ endedAt }) => endedAt === undefined).reverse();
    return {
      active: active.slice(0, most).map((alert) => messageOf(alert, "raised", alert.since)),
      count: active.length,
    };
  }

  #announce(alert: Alert): void {
    const { clock, announce } = this.#options;
    if (!alert.isAnnounced) {
      alert.isAnnounced = true;
      this.#hasChanged = true;
      this.#unsaved.add(alert.id);
      announce(messageOf(alert, "raised", new Date(clock.now()).toISOString()));
    }
    if (alert.endedAt === undefined || this.#ended.has(alert.id)) return;
    this.#ended.add(alert.id);
    this.#hasChanged = true;
    announce(messageOf(alert, "cleared", alert.endedAt));
  }

  #send(alert: Alert, settings: AlertRuleSettings | undefined): void {
    const { clock, send } = this.#options;
    const at = new Date(clock.now()).toISOString();
    if (alert.endedAt !== undefined) {
      if (alert.told) send(messageOf(alert, "cleared", alert.endedAt), alert.told);
      this.#forget(alert);
      return;
    }
    const repeatMs = (settings?.repeatSeconds ?? 0) * 1000;
    const now = clock.monotonic();
    if (!alert.told) {
      alert.told = settings?.to ?? [];
      this.#unsaved.add(alert.id);
      alert.repeatAt = now + repeatMs;
      send(messageOf(alert, "raised", at), alert.told);
    } else if (repeatMs > 0 && alert.repeatAt === 0) {
      // After a restart.
      alert.repeatAt = now + repeatMs;
    } else if (repeatMs > 0 && now >= alert.repeatAt) {
      alert.repeats++;
      alert.repeatAt = now + repeatMs;
      this.#unsaved.add(alert.id);
      send({ ...messageOf(alert, "raised", at), repeat: alert.repeats }, alert.told);
    }
  }

  #forget({ id }: Alert): void {
    this.#alerts.delete(id);
    this.#ended.delete(id);
    this.#unsaved.add(id);
  }

  #save(): void {
    if (this.#unsaved.size === 0) return;
    const changes = [...this.#unsaved].map((id): [string, PointValue] => {
      const alert = this.#alerts.get(id);
      if (!alert) return [id, null];
      const { id: _, open, repeatAt: __, isAnnounced: ___, ...rest } = alert;
      return [id, JSON.parse(JSON.stringify({ ...rest, keys: [...open] })) as PointValue];
    });
    this.#unsaved.clear();
    this.#options.store.setAll(changes);
  }
}

function messageOf(alert: Alert, state: "raised" | "cleared", at: string): AlertMessage {
  const { id, rule, when, severity, subjects, count, since } = alert;
  const text = alertText({ rule, when, state, subjects, count });
  return { id, state, rule, when, severity, subjects, count, since, at, text };
}

function keyIn(rule: string, key: string): string {
  return `${rule}\n${key}`;
}

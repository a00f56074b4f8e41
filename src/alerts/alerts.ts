// Conditions are watched by rules; what holds long enough becomes an alert, and alerts become messages: over MQTT at once, and to the
// targets of the rule outside of quiet hours, each target with a queue of its own.
import type { Bus } from "../bus.ts";
import type { AlertSettings, MailSettings } from "../config/index.ts";
import type { Log, Secrets } from "../log/log.ts";
import { Notices, QuietLog } from "../log/notices.ts";
import { Outages } from "../log/outages.ts";
import type {
  AlarmChange,
  AlertMessage,
  AlertOutlet,
  AvailabilityChange,
  DeviceInfo,
  OpenAlarms,
} from "../points/index.ts";
import { recordOf } from "../storage/saved-record.ts";
import type { StateNamespace, StateStore } from "../storage/state-store.ts";
import type { Clock } from "../time/clock.ts";
import { ActiveAlerts } from "./active-alerts.ts";
import { isPolled, LossWatch, polled, type WatchedParts } from "./conditions.ts";
import { quietHours } from "./quiet-hours.ts";
import { RuleWatch, type Trouble } from "./rule-watch.ts";
import { createTarget } from "./targets/index.ts";
import { MqttTarget } from "./targets/mqtt-target.ts";
import type { Target } from "./targets/target.ts";
import { type TargetCounters, TargetQueue } from "./targets/target-queue.ts";

export interface AlertsOptions extends Omit<WatchedParts, "mqtt"> {
  readonly settings: AlertSettings;
  readonly mail: MailSettings;
  readonly instance: string;
  readonly version: string;
  readonly mqtt: WatchedParts["mqtt"] & { readonly alerts: AlertOutlet };
  readonly bus: Bus;
  readonly state: StateStore;
  readonly log: Log;
  readonly secrets: Secrets;
  readonly clock: Clock;
}

export interface AlertCounters {
  /** Active alerts by severity. */
  readonly active: Readonly<Record<string, number>>;
  /** The newest of them, in a line each; absent while there is none. */
  readonly newest?: readonly string[];
  readonly targets: Readonly<Record<string, TargetCounters>>;
}

const isTrouble = recordOf<Trouble>({ name: "string", text: "string", sinceMs: "number" });

const TICK_MS = 1000;
/** Number of ticks between two reads of what no event tells. */
const TICKS_PER_POLL = 10;
/**
 * Time after the start in which an alert of an earlier run does not end because its condition is not seen, in milliseconds: stores,
 * accounts and loads are tried first.
 */
const SETTLE_MS = 60_000;
/** Maximum number of active alerts in the retained message. */
const MOST_SHOWN = 100;
/** Maximum number of them in the health message. */
const MOST_IN_HEALTH = 5;
/** Name of the queue of MQTT; no target can have it. */
const MQTT = ":mqtt";

/** The alerts of a bridge. They run while the bridge is in charge of its name. */
export class Alerts {
  readonly #options: AlertsOptions;
  #settings: AlertSettings;
  #mail: MailSettings;
  /** Last announced availability of each device. */
  readonly #availability = new Map<string, AvailabilityChange>();
  readonly #unsubscribe: readonly (() => void)[];
  #run: Run | undefined;
  #isActive = false;
  readonly #stopping = new Set<Promise<void>>();

  constructor(options: AlertsOptions) {
    const { bus } = options;
    this.#options = options;
    this.#settings = options.settings;
    this.#mail = options.mail;
    this.#unsubscribe = [
      bus.on("availability", (change) => {
        this.#availability.set(change.device.path, change);
        this.#run?.noteAvailability(change);
      }),
      bus.on("alarm", (change) => this.#run?.noteAlarm(change)),
      bus.on("openAlarms", (open) => this.#run?.noteOpenAlarms(open)),
      bus.on("membership", ({ device: { path }, change }) => {
        if (change === "added" || change === "changed") return;
        this.#availability.delete(path);
        this.#run?.noteGone(path);
      }),
    ];
  }

  /** Undefined while there are no rules. */
  get counters(): AlertCounters | undefined {
    return Object.keys(this.#settings.rules).length > 0 ? this.#run?.counters : undefined;
  }

  /** Returns the newest of the active alerts, and their number. */
  list(most: number): { readonly active: readonly AlertMessage[]; readonly count: number } {
    return this.#run?.list(most) ?? { active: [], count: 0 };
  }

  start(): void {
    this.#isActive = true;
    this.#restart();
  }

  /** Called when another bridge is in charge: nothing is sent until the next start. */
  pause(): void {
    this.#isActive = false;
    this.#restart();
  }

  /** Takes changed settings over. Alerts of rules that are gone end. */
  change(settings: AlertSettings, mail: MailSettings): void {
    this.#settings = settings;
    this.#mail = mail;
    this.#restart();
  }

  /** Ends the attempts in progress; what waits stays on disk. */
  async stop(): Promise<void> {
    for (const end of this.#unsubscribe) end();
    this.#isActive = false;
    this.#restart();
    await Promise.all(this.#stopping);
  }

  /** At once, so that no alarm is missed. A message that was on its way may be sent again, with the same id. */
  #restart(): void {
    const stopped = this.#run?.stop();
    if (stopped) {
      this.#stopping.add(stopped);
      void stopped.finally(() => this.#stopping.delete(stopped));
    }
    this.#run = undefined;
    if (this.#isActive)
      this.#run = new Run(
        { ...this.#options, settings: this.#settings, mail: this.#mail },
        this.#availability,
      );
  }
}

/** The rules and targets of one set of settings, while they run. */
class Run {
  readonly #options: AlertsOptions;
  readonly #rules: ReadonlyMap<string, RuleWatch>;
  readonly #targets: ReadonlyMap<string, TargetQueue>;
  readonly #mqtt: TargetQueue;
  readonly #alerts: ActiveAlerts;
  /** Alarms that have not lasted long enough, by rule and key: no event tells them again after a restart. */
  readonly #pendingAlarms: StateNamespace;
  /** Keys of alarms that rules know, by device path. */
  readonly #alarmKeys = new Map<string, Set<string>>();
  /** What was seen to hold in this run, by rule and key. */
  readonly #seen = new Set<string>();
  readonly #losses = new LossWatch();
  readonly #log: QuietLog;
  readonly #outages: Outages;
  readonly #startedAt: number;
  #ticks = 0;
  #cancelTick: () => void;

  constructor(options: AlertsOptions, availability: ReadonlyMap<string, AvailabilityChange>) {
    const { settings, state, bus, clock, mqtt } = options;
    this.#options = options;
    const log = options.log.part("alerts");
    this.#log = new QuietLog(log, clock);
    this.#startedAt = clock.monotonic();
    const notices = new Notices(bus, log, clock);
    this.#outages = new Outages({ log, notify: (notice) => bus.emit("notice", notice), clock });
    this.#pendingAlarms = state.namespace("alerts to begin");
    const store = state.namespace("alert messages");
    const onLost = (name: string) => (id: string) => this.#alerts.untell(id, name);
    const queue = (name: string, target: Target) =>
      new TargetQueue({ name, target, store, clock, notices, outages: this.#outages, onLost: onLost(name) });
    this.#rules = new Map(
      Object.entries(settings.rules).map(([name, rule]) => [name, new RuleWatch(name, rule, clock)]),
    );
    this.#targets = new Map(
      Object.entries(settings.targets).map(([name, target]) => [
        name,
        queue(name, createTarget(target, options)),
      ]),
    );
    const left = store.entries().filter(([key]) => !isQueued(key, settings.targets));
    store.setAll(left.map(([key]) => [key, null]));
    this.#mqtt = queue(MQTT, new MqttTarget(mqtt.alerts));
    const isQuietAt = quietHours(settings.quietHours);
    const exempt: readonly string[] = settings.quietHours?.except ?? [];
    this.#alerts = new ActiveAlerts({
      store: state.namespace("alerts"),
      clock,
      announce: (message) => this.#announce(message),
      send: (message, targets) => {
        for (const name of targets) this.#targets.get(name)?.add(message);
      },
      readable: (text) => options.secrets.blank(text.replaceAll(/\p{Cc}+/gu, " ")),
      isQuiet: (severity) => isQuietAt(clock.now()) && !exempt.includes(severity),
    });
    this.#takeOver();
    for (const change of availability.values()) this.noteAvailability(change);
    for (const one of [...this.#targets.values(), this.#mqtt]) one.start();
    this.#cancelTick = clock.after(0, () => this.#tick());
  }

  get counters(): AlertCounters {
    const targets = [...this.#targets].map(([name, queue]) => [name, queue.counters] as const);
    const { active } = this.#alerts.list(MOST_IN_HEALTH);
    const newest = active.map(({ rule, severity, text }) => `${severity} ${rule}: ${text}`);
    return {
      active: this.#alerts.countBySeverity(),
      ...(newest.length > 0 && { newest }),
      targets: Object.fromEntries(targets),
    };
  }

  list(most: number) {
    return this.#alerts.list(most);
  }

  async stop(): Promise<void> {
    this.#cancelTick();
    this.#outages.stop();
    await Promise.all([...this.#targets.values(), this.#mqtt].map((queue) => queue.stop()));
  }

  noteAvailability({ device: { path }, availability, since, reason = "" }: AvailabilityChange): void {
    const isAway = availability !== "online" && !this.#isPaused(path);
    const trouble = { name: path, text: reason, sinceMs: since.getTime() };
    for (const rule of this.#rules.values()) {
      if (rule.settings.when !== "station_unreachable" || !rule.covers(path)) continue;
      if (!isAway) this.#end(rule.name, path);
      else if (!this.#alerts.has(rule.name, path)) rule.begin(path, trouble);
    }
  }

  noteAlarm({ device, port, alarm, state, raisedAt }: AlarmChange): void {
    const key = alarmKey(device.path, port, alarm);
    if (state === "cleared") {
      const open = this.#options.devices.openAlarms(device);
      if (!open?.alarms.some((one) => one.port === port && one.alarm === alarm))
        this.#endAlarm(device.path, key);
      return;
    }
    const text = port === null ? alarm : `port ${port}: ${alarm}`;
    for (const rule of this.#rules.values()) {
      const isMeant =
        rule.settings.when === "station_alarm" && rule.covers(device.path) && rule.coversAlarm(alarm);
      if (!isMeant || this.#alerts.has(rule.name, key)) continue;
      const trouble = { name: device.path, text, sinceMs: raisedAt.getTime() };
      rule.begin(key, trouble);
      this.#pendingAlarms.set(placeOf(rule.name, key), trouble);
      this.#rememberAlarm(device.path, key);
    }
  }

  /** Ends alarms that are open no longer: also those that were cleared while the bridge did not run. */
  noteOpenAlarms({ device: { path }, alarms, isCut }: OpenAlarms): void {
    const known = this.#alarmKeys.get(path);
    if (!known || isCut) return;
    const open = new Set(alarms.map(({ port, alarm }) => alarmKey(path, port, alarm)));
    for (const key of known) if (!open.has(key)) this.#endAlarm(path, key);
  }

  noteGone(path: string): void {
    for (const key of this.#alarmKeys.get(path) ?? []) this.#endAlarm(path, key);
    for (const { name, settings } of this.#rules.values())
      if (settings.when === "station_unreachable") this.#end(name, path);
  }

  /** Ends alerts of an earlier run whose rule or device is gone. */
  #takeOver(): void {
    const { byPath } = this.#options.devices;
    const checked = new Map<string, DeviceInfo>();
    for (const { rule: name, when, key } of this.#alerts.open()) {
      const rule = this.#rules.get(name);
      const path = when === "station_alarm" ? deviceOf(key) : key;
      const device = byPath.get(path);
      if (rule?.settings.when !== when || (!isPolled(when) && !(device && rule.covers(path))))
        this.#end(name, key);
      else if (device && when === "station_alarm") {
        this.#rememberAlarm(path, key);
        checked.set(path, device);
      }
    }
    for (const [place, trouble] of this.#pendingAlarms.records(isTrouble)) {
      const [name = "", key = ""] = place.split("\n");
      const rule = this.#rules.get(name);
      const device = byPath.get(trouble.name);
      if (rule?.settings.when === "station_alarm" && device && rule.covers(device.path)) {
        rule.begin(key, trouble);
        this.#rememberAlarm(device.path, key);
        checked.set(device.path, device);
      } else this.#pendingAlarms.set(place, null);
    }
    for (const device of checked.values()) {
      const open = this.#options.devices.openAlarms(device);
      if (open) this.noteOpenAlarms(open);
    }
  }

  #tick(): void {
    const { clock, state, mqtt } = this.#options;
    this.#cancelTick = clock.after(TICK_MS, () => this.#tick());
    if (this.#ticks++ % TICKS_PER_POLL === 0) {
      const losses = this.#losses.read(this.#options, { now: clock.now(), monotonic: clock.monotonic() });
      for (const rule of this.#rules.values()) this.#poll(rule, losses);
    }
    // What is sent and what is remembered of it are on disk together.
    state.batch(() => {
      for (const rule of this.#rules.values()) {
        const due = rule.due();
        if (!due) continue;
        this.#alerts.begin(rule, due);
        if (rule.settings.when === "station_alarm")
          this.#pendingAlarms.setAll([...due.keys()].map((key) => [placeOf(rule.name, key), null]));
      }
      this.#alerts.flush(this.#rules);
    });
    // With rules an empty list too, which may replace one of an earlier run. Without them there is none.
    const isFirst = this.#ticks === 1 && this.#rules.size > 0;
    if (!this.#alerts.takeChange() && !isFirst) return;
    const { active, count } = this.#alerts.list(MOST_SHOWN);
    mqtt.alerts.show(active, count);
  }

  #poll(rule: RuleWatch, losses: readonly Trouble[]): void {
    const { clock } = this.#options;
    const holding = polled({ ...this.#options, losses }, rule, clock.now());
    if (!holding) return;
    for (const [key, trouble] of holding) {
      this.#seen.add(placeOf(rule.name, key));
      if (!this.#alerts.has(rule.name, key)) rule.begin(key, trouble);
    }
    for (const key of rule.keys()) if (!holding.has(key)) rule.end(key);
    const isSettled = clock.monotonic() - this.#startedAt >= SETTLE_MS;
    for (const { rule: name, key } of this.#alerts.open())
      if (name === rule.name && !holding.has(key) && (isSettled || this.#seen.has(placeOf(name, key))))
        this.#alerts.end(name, key);
  }

  #announce(message: AlertMessage): void {
    const { rule, state, severity, text } = message;
    const level = state === "cleared" || severity === "info" ? "info" : "warn";
    this.#log.write(level, rule, `alert ${rule} ${state}: ${text}`);
    this.#mqtt.add(message);
  }

  #end(rule: string, key: string): void {
    this.#rules.get(rule)?.end(key);
    this.#alerts.end(rule, key);
  }

  #endAlarm(path: string, key: string): void {
    const known = this.#alarmKeys.get(path);
    if (!known?.delete(key)) return;
    if (known.size === 0) this.#alarmKeys.delete(path);
    for (const rule of this.#rules.values()) {
      if (rule.settings.when !== "station_alarm") continue;
      if (rule.has(key)) this.#pendingAlarms.set(placeOf(rule.name, key), null);
      this.#end(rule.name, key);
    }
  }

  #rememberAlarm(path: string, key: string): void {
    const known = this.#alarmKeys.get(path) ?? new Set();
    this.#alarmKeys.set(path, known.add(key));
  }

  #isPaused(path: string): boolean {
    return this.#options.devices.control.pausing?.paused().some(({ device }) => device === path) ?? false;
  }
}

/** Returns whether a stored message is for a target that there is. */
function isQueued(key: string, targets: AlertSettings["targets"]): boolean {
  const [name = ""] = key.split("\n");
  return name === MQTT || Object.hasOwn(targets, name);
}

function alarmKey(path: string, port: string | null, alarm: string): string {
  return JSON.stringify([path, port, alarm]);
}

function placeOf(rule: string, key: string): string {
  return `${rule}\n${key}`;
}

function deviceOf(key: string): string {
  return (JSON.parse(key) as [path: string])[0];
}

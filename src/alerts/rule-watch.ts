import { ALERT_CONDITIONS, type AlertCondition, type AlertRuleSettings } from "../config/index.ts";
import { pathPattern } from "../devices/overrides/pattern.ts";
import type { Clock } from "../time/clock.ts";

/** One thing for which a rule's condition holds. */
export interface Trouble {
  readonly name: string;
  readonly text: string;
  /** By the wall clock, in milliseconds since 1970. */
  readonly sinceMs: number;
}

/**
 * Time in which subjects whose condition has held long enough are joined into one alert, in milliseconds: the scrapes of a fleet end
 * over a minute.
 */
const GATHER_MS = 60_000;
const GATHERED: ReadonlySet<AlertCondition> = new Set(["station_unreachable"]);

/** What a rule waits for: subjects for which its condition holds, until it has held long enough and the alert begins. */
export class RuleWatch {
  readonly name: string;
  readonly settings: AlertRuleSettings;
  readonly #clock: Clock;
  readonly #forMs: number;
  readonly #gatherMs: number;
  readonly #devices: readonly ((path: string) => boolean)[];
  readonly #alarms: readonly ((name: string) => boolean)[];
  /** By key, in the order in which they become due. */
  readonly #pending = new Map<string, Trouble & { readonly dueAt: number }>();
  #gathered = new Map<string, Trouble>();
  #gatherEnds = 0;

  constructor(name: string, settings: AlertRuleSettings, clock: Clock) {
    this.name = name;
    this.settings = settings;
    this.#clock = clock;
    this.#forMs = (settings.forSeconds ?? ALERT_CONDITIONS[settings.when]) * 1000;
    this.#gatherMs = GATHERED.has(settings.when) ? GATHER_MS : 0;
    this.#devices = settings.devices.map(pathPattern);
    this.#alarms = settings.alarms.map((pattern) => pathPattern(pattern.toLowerCase()));
  }

  /** Whether the rule is about this device. */
  covers(path: string): boolean {
    return this.#devices.length === 0 || this.#devices.some((matches) => matches(path));
  }

  coversAlarm(name: string): boolean {
    return this.#alarms.length === 0 || this.#alarms.some((matches) => matches(name.toLowerCase()));
  }

  coversGroup(name: string): boolean {
    return this.settings.groups.length === 0 || this.settings.groups.includes(name);
  }

  has(key: string): boolean {
    return this.#pending.has(key) || this.#gathered.has(key);
  }

  keys(): Iterable<string> {
    return [...this.#pending.keys(), ...this.#gathered.keys()];
  }

  /** Called when the condition holds for a subject, with what is not known to the rule yet. */
  begin(key: string, trouble: Trouble): void {
    if (!this.has(key)) this.#pending.set(key, { ...trouble, dueAt: this.#clock.monotonic() + this.#forMs });
  }

  end(key: string): void {
    if (!this.#pending.delete(key)) this.#gathered.delete(key);
  }

  /** Returns what becomes an alert now. */
  due(): ReadonlyMap<string, Trouble> | undefined {
    const now = this.#clock.monotonic();
    for (const [key, { dueAt, ...trouble }] of this.#pending) {
      if (dueAt > now) break;
      this.#pending.delete(key);
      if (this.#gathered.size === 0) this.#gatherEnds = now + this.#gatherMs;
      this.#gathered.set(key, trouble);
    }
    if (this.#gathered.size === 0 || now < this.#gatherEnds) return undefined;
    const gathered = this.#gathered;
    this.#gathered = new Map();
    return gathered;
  }
}

import type { AlertCondition } from "../config/index.ts";
import type { LimitGroup, RunningDevices } from "../devices/index.ts";
import type { RuleWatch, Trouble } from "./rule-watch.ts";

/** What a store of the historian says of itself. */
interface StoreCounters {
  readonly failing?: { readonly since: string; readonly error: string } | undefined;
}

/** What the conditions are read from. */
export interface WatchedParts {
  readonly devices: Pick<RunningDevices, "byPath" | "accountStates" | "openAlarms" | "control">;
  readonly limits: { limits(): readonly LimitGroup[] };
  readonly mqtt: { readonly url: string; readonly connected: boolean; readonly turnedAt: Date };
  /** Absent: nothing is stored. */
  readonly archive?:
    | { readonly counters: StoreCounters & { readonly also?: Readonly<Record<string, StoreCounters>> } }
    | undefined;
  /** Name of the historian's backend. */
  readonly backend: string;
}

type Polled = Exclude<AlertCondition, "station_unreachable" | "station_alarm">;

/** THE LIST of conditions that are read from time to time: each returns what holds now, by key. The others are told by the bus. */
const POLLED: {
  readonly [C in Polled]: (parts: WatchedParts, rule: RuleWatch, nowMs: number) => Iterable<Trouble>;
} = {
  *limit_exceeded({ limits }, rule, sinceMs) {
    for (const { group, maxKw, loadKw } of limits.limits())
      if (maxKw !== null && loadKw > maxKw && rule.coversGroup(group))
        yield { name: group, text: `${loadKw.toFixed(1)} kW of ${maxKw} kW`, sinceMs };
  },
  *store_away({ archive, backend }, _rule, nowMs) {
    if (!archive) return;
    const { counters } = archive;
    for (const [name, { failing }] of Object.entries({ [backend]: counters, ...counters.also }))
      if (failing) yield { name, text: failing.error, sinceMs: timeOr(failing.since, nowMs) };
  },
  *broker_away({ mqtt }) {
    if (!mqtt.connected) yield { name: mqtt.url, text: "", sinceMs: mqtt.turnedAt.getTime() };
  },
  *account_paused({ devices }, _rule, sinceMs) {
    for (const { driverType, label, isPaused } of devices.accountStates())
      if (isPaused)
        yield { name: `${driverType} ${label}`, text: "its service fails or refuses the login", sinceMs };
  },
  *calls_used_up({ devices }, _rule, sinceMs) {
    for (const { driverType, label, isUsedUp } of devices.accountStates())
      if (isUsedUp === true)
        yield {
          name: `${driverType} ${label}`,
          text: "reads wait for calls_per_minute; voltbridge plan shows what is needed",
          sinceMs,
        };
  },
};

/** Returns what holds now of a rule's condition, by key; undefined where the bus tells it. */
export function polled(
  parts: WatchedParts,
  rule: RuleWatch,
  nowMs: number,
): ReadonlyMap<string, Trouble> | undefined {
  const { when } = rule.settings;
  if (!isPolled(when)) return undefined;
  return new Map([...POLLED[when](parts, rule, nowMs)].map((trouble) => [trouble.name, trouble]));
}

export function isPolled(when: AlertCondition): when is Polled {
  return Object.hasOwn(POLLED, when);
}

function timeOr(text: string, other: number): number {
  const time = Date.parse(text);
  return Number.isNaN(time) ? other : time;
}

import type { AlertCondition } from "../config/index.ts";
import type { LimitGroup, RunningDevices } from "../devices/index.ts";
import type { RuleWatch, Trouble } from "./rule-watch.ts";

interface QueueCounters {
  /** Values lost since the queue was created, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
}

/** What a store of the historian says of itself. */
interface StoreCounters extends QueueCounters {
  readonly failing?: { readonly since: string; readonly error: string } | undefined;
}

/** What the conditions are read from. */
export interface WatchedParts {
  readonly devices: Pick<RunningDevices, "byPath" | "accountStates" | "openAlarms" | "control">;
  readonly limits: { limits(): readonly LimitGroup[] };
  readonly mqtt: {
    readonly url: string;
    readonly connected: boolean;
    readonly turnedAt: Date;
    readonly outbox: QueueCounters | undefined;
  };
  /** Absent: nothing is stored. */
  readonly archive?:
    | { readonly counters: StoreCounters & { readonly also?: Readonly<Record<string, StoreCounters>> } }
    | undefined;
  /** Name of the historian's backend. */
  readonly backend: string;
}

/** Time for which values count as lost after the last loss, in milliseconds. */
const LOSS_MS = 900_000;

/** Notices that queues lose values: from what they counted before and count now. */
export class LossWatch {
  readonly #counted = new Map<string, number>();
  readonly #losses = new Map<
    string,
    { readonly sinceMs: number; readonly count: number; readonly lastAt: number }
  >();

  /** Returns the queues that lost values within the last quarter of an hour. */
  read(
    { mqtt, archive }: Pick<WatchedParts, "mqtt" | "archive">,
    { now, monotonic }: { now: number; monotonic: number },
  ): readonly Trouble[] {
    const also = Object.entries(archive?.counters.also ?? {});
    const queues: (readonly [name: string, counters: QueueCounters | undefined])[] = [
      ["outbox", mqtt.outbox],
      ["historian", archive?.counters],
      ...also.map(([name, counters]) => [`historian/${name}`, counters] as const),
    ];
    for (const [name, counters] of queues) {
      if (!counters) continue;
      const total = Object.values(counters.dropped).reduce((sum, count) => sum + count, 0);
      const lost = total - (this.#counted.get(name) ?? total);
      this.#counted.set(name, total);
      const before = this.#losses.get(name);
      if (lost > 0)
        this.#losses.set(name, {
          sinceMs: before?.sinceMs ?? now,
          count: (before?.count ?? 0) + lost,
          lastAt: monotonic,
        });
      else if (before && monotonic - before.lastAt >= LOSS_MS) this.#losses.delete(name);
    }
    return [...this.#losses].map(([name, { sinceMs, count }]) => ({
      name,
      text: `${count} values`,
      sinceMs,
    }));
  }
}

type Polled = Exclude<AlertCondition, "station_unreachable" | "station_alarm">;

interface PolledParts extends WatchedParts {
  /** Queues that lose values. */
  readonly losses: readonly Trouble[];
}

/** THE LIST of conditions that are read from time to time: each returns what holds now, by key. The others are told by the bus. */
const POLLED: {
  readonly [C in Polled]: (parts: PolledParts, rule: RuleWatch, nowMs: number) => Iterable<Trouble>;
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
  values_lost: ({ losses }) => losses,
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
  parts: PolledParts,
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

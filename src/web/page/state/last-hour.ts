import { type Signal, signal } from "@preact/signals-core";
import { api } from "./api.ts";
import { bridge } from "./bridge.ts";

/** Values of the last hour, one for each two minutes; null where there is none. */
export type HourValues = readonly (number | null)[];

const hours = new Map<string, { readonly values: Signal<HourValues | undefined>; loadedAt: number }>();
const wanted = new Set<string>();
let timer: ReturnType<typeof setTimeout> | undefined;

/** Time after which a curve is loaded again when it is drawn, in milliseconds. */
const FRESH = 120_000;
/** Wait for more rows before they are asked for together, in milliseconds: a scroll asks for the rows it ends at. */
const GATHER = 200;
const MOST_TOPICS = 50;
/** Curves kept; the oldest are forgotten. */
const MOST_KEPT = 2000;

/** Returns the last hour of a point, loaded with those of the other visible rows. */
export function lastHour(topic: string): Signal<HourValues | undefined> {
  let hour = hours.get(topic);
  if (!hour) {
    hour = { values: signal(undefined), loadedAt: 0 };
    hours.set(topic, hour);
    if (hours.size > MOST_KEPT) hours.delete(hours.keys().next().value!);
  }
  return hour.values;
}

/** Asks for a curve that is visible. Returns the function that withdraws it. */
export function wantLastHour(topic: string): () => void {
  const hour = hours.get(topic);
  if (!bridge.peek()?.has.history || (hour && Date.now() - hour.loadedAt < FRESH)) return () => undefined;
  wanted.add(topic);
  if (timer === undefined) timer = setTimeout(() => void load(), GATHER);
  return () => wanted.delete(topic);
}

interface HistoryAnswer {
  readonly values: Readonly<Record<string, readonly (readonly [at: string, value: unknown])[]>>;
}

async function load(): Promise<void> {
  timer = undefined;
  const topics = [...wanted].slice(0, MOST_TOPICS);
  if (topics.length === 0) return;
  for (const topic of topics) wanted.delete(topic);
  if (wanted.size > 0) timer = setTimeout(() => void load(), GATHER);
  const end = Date.now();
  const start = end - 3_600_000;
  try {
    const { values } = await api.get<HistoryAnswer>("history", {
      query: {
        topic: topics,
        start: new Date(start).toISOString(),
        agg_type: "avg",
        agg_period: "2m",
        count: 30,
        order: "FIRST_TO_LAST",
      },
    });
    for (const topic of topics) {
      const hour = hours.get(topic);
      if (!hour) continue;
      hour.loadedAt = end;
      hour.values.value = inSlots(values[topic] ?? [], start);
    }
  } catch {
    // A decoration beside the number: the row says all that matters without it.
    for (const topic of topics) {
      const hour = hours.get(topic);
      if (hour) hour.loadedAt = end;
    }
  }
}

function inSlots(samples: readonly (readonly [at: string, value: unknown])[], start: number): HourValues {
  const slots: (number | null)[] = Array.from({ length: 30 }, () => null);
  for (const [at, value] of samples) {
    const slot = Math.floor((Date.parse(at) - start) / 120_000);
    if (typeof value === "number" && slot >= 0 && slot < slots.length) slots[slot] = value;
  }
  return slots;
}

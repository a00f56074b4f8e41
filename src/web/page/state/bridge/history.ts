import { api, apiHref } from "../requests/api.ts";
import { RowCurves } from "../requests/row-curves.ts";

/** Values of a topic over time, as a chart takes them: null where values are missing. */
export interface TopicValues {
  /** Ascending, in milliseconds since 1970. */
  readonly times: readonly number[];
  readonly values: readonly (number | null)[];
}

/** Values of one topic as the interface sends them. */
export type HistoryRows = readonly (readonly [at: string, value: unknown])[];

/** Answer of `GET /api/v1/history`; names of topics as the store spells them. */
export interface HistoryAnswer {
  readonly values: Readonly<Record<string, HistoryRows>>;
  readonly metadata: Readonly<Record<string, { readonly units: string; readonly type: string }>>;
}

const NOTHING: TopicValues = { times: [], values: [] };
/** Topics of one request. */
const MOST_TOPICS = 50;

/** Loads topics as a line of about `points` points shows them, in the order asked for. */
export async function loadPlot(
  topics: readonly string[],
  { from, to, points }: { readonly from: number; readonly to: number; readonly points: number },
  signal?: AbortSignal,
): Promise<TopicValues[]> {
  const range = { start: new Date(from).toISOString(), end: new Date(to).toISOString(), points };
  const found = new Map<string, TopicValues>();
  for (let at = 0; at < topics.length; at += MOST_TOPICS) {
    const topic = topics.slice(at, at + MOST_TOPICS);
    const { values } = await api.get<HistoryAnswer>("history", { query: { topic, ...range }, signal });
    // Names of topics ignore case; the store answers with its own spelling.
    for (const [name, rows] of Object.entries(values)) found.set(name.toLowerCase(), valuesOf(rows));
  }
  return topics.map((topic) => found.get(topic.toLowerCase()) ?? NOTHING);
}

/** Address of the same values as a file. */
export function downloadHref(topics: readonly string[], from: number, to: number): string {
  const range = { start: new Date(from).toISOString(), end: new Date(to).toISOString() };
  return apiHref("history/download", { topic: topics, ...range, format: "csv" });
}

export function valuesOf(rows: HistoryRows): TopicValues {
  return {
    times: rows.map(([at]) => Date.parse(at)),
    values: rows.map(([, value]) =>
      typeof value === "number" ? value : typeof value === "boolean" ? Number(value) : null,
    ),
  };
}

/** Values of the last day at equal distances; null where there is none. */
type DayValues = readonly (number | null)[];

const DAY = 86_400_000;
const SLOTS = 96;

/** The last day of each topic. */
export const lastDays = new RowCurves<DayValues>(async (topics) => {
  const to = Date.now();
  const plots = await loadPlot(topics, { from: to - DAY, to, points: SLOTS });
  return topics.map((topic, index) => [topic, inSlots(plots[index]!, to - DAY)] as const);
}, 300_000);

function inSlots({ times, values }: TopicValues, from: number): DayValues {
  const slots: (number | null)[] = Array.from({ length: SLOTS }, () => null);
  for (const [index, at] of times.entries()) {
    const slot = Math.floor(((at - from) / DAY) * SLOTS);
    const value = values[index];
    if (slot >= 0 && slot < SLOTS && typeof value === "number") slots[slot] = value;
  }
  return slots;
}

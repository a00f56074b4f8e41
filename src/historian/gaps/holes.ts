import type { HistorianBackend } from "../contract.ts";
import { readPages } from "../query/pages.ts";

/** A period without values. Times in microseconds since 1970 UTC. */
export interface Hole {
  /** Time of the last value before the hole; absent when there is none. */
  readonly after?: number;
  /** Time of the first value after the hole; absent when there is none. */
  readonly before?: number;
}

export interface HoleSearch {
  readonly backend: HistorianBackend;
  /** A value of any of them ends a hole. */
  readonly topics: readonly string[];
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  /** Maximum time between two values without a hole. */
  readonly longest: number;
  readonly signal?: AbortSignal | undefined;
}

/** Maximum number of holes that are read one by one; beyond it, everything from the first to the last is read in one go. */
const MOST_SINGLE = 10;

/**
 * Returns the periods longer than `longest` in which no topic has a value. The first topic is read completely, the others in the holes
 * that are left.
 */
export async function findHoles(search: HoleSearch): Promise<Hole[]> {
  let holes: Hole[] = [{}];
  for (const topic of search.topics) {
    // A topic stored on change has a hole every hour.
    const groups = holes.length > MOST_SINGLE ? [holes] : holes.map((hole) => [hole]);
    const smaller: Hole[] = [];
    for (const group of groups) for await (const part of holesOf(search, topic, group)) smaller.push(part);
    holes = smaller;
    if (holes.length === 0) break;
  }
  return holes;
}

/** Returns what values of a topic leave of some holes, which are in the order of time. */
async function* holesOf(
  { backend, longest, signal, start, end }: HoleSearch,
  topic: string,
  holes: readonly Hole[],
): AsyncGenerator<Hole> {
  const [first] = holes;
  const range = {
    start: first!.after === undefined ? start : first!.after + 1,
    end: holes.at(-1)!.before ?? end,
    order: "FIRST_TO_LAST",
    skip: 0,
    count: Number.POSITIVE_INFINITY,
  } as const;
  let index = 0;
  let after = first!.after;
  /** Returns what is left of the present hole up to `time`, if that is long. */
  const left = (time: number, before: number | undefined): Hole[] =>
    time - (after ?? start) > longest
      ? [{ ...(after !== undefined && { after }), ...(before !== undefined && { before }) }]
      : [];
  const next = (): Hole[] => {
    const { before } = holes[index]!;
    const rest = left(before ?? end, before);
    index += 1;
    after = holes[index]?.after;
    return rest;
  };
  for await (const page of readPages(backend, topic, range, signal))
    for (const [time] of page) {
      while (index < holes.length && time >= (holes[index]!.before ?? end)) yield* next();
      if (index === holes.length) return;
      // A value between two holes.
      if (after !== undefined && time <= after) continue;
      yield* left(time, time);
      after = time;
    }
  while (index < holes.length) yield* next();
}

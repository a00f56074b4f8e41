import type { HistorianBackend } from "../contract.ts";
import { readPages } from "../query/pages.ts";

/** A stretch of time without a value. Microseconds since 1970 UTC. */
export interface Hole {
  /** Of the last value before it; absent where there is none. */
  readonly after?: number;
  /** Of the first value behind it; absent where there is none. */
  readonly before?: number;
}

export interface HoleSearch {
  readonly backend: HistorianBackend;
  /** Values of any of them are signs of life. */
  readonly topics: readonly string[];
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  /** Longest distance between two values without a hole. */
  readonly longest: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Where none of the topics has a value for longer than it may be. The first topic is read as a whole, the others only where it has
 * holes.
 */
export async function findHoles(search: HoleSearch): Promise<Hole[]> {
  const { topics, start, end } = search;
  let holes: Hole[] = [{}];
  for (const topic of topics) {
    const smaller: Hole[] = [];
    for (const hole of holes) {
      const from = hole.after === undefined ? start : hole.after + 1;
      for await (const part of holesOf(search, topic, from, hole.before ?? end, hole)) smaller.push(part);
    }
    holes = smaller;
    if (holes.length === 0) break;
  }
  return holes;
}

async function* holesOf(
  { backend, longest, signal, start, end }: HoleSearch,
  topic: string,
  from: number,
  to: number,
  within: Hole,
): AsyncGenerator<Hole> {
  const range = {
    start: from,
    end: to,
    order: "FIRST_TO_LAST",
    skip: 0,
    count: Number.POSITIVE_INFINITY,
  } as const;
  let { after } = within;
  for await (const page of readPages(backend, topic, range, signal))
    for (const [time] of page) {
      if (time - (after ?? start) > longest) yield { ...(after !== undefined && { after }), before: time };
      after = time;
    }
  if ((within.before ?? end) - (after ?? start) > longest)
    yield {
      ...(after !== undefined && { after }),
      ...(within.before !== undefined && { before: within.before }),
    };
}

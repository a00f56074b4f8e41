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

/**
 * Returns the periods longer than `longest` in which no topic has a value. The first topic is read completely, the others only in
 * its holes.
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

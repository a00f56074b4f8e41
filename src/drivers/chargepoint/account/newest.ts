import { timeOf } from "../../../points/index.ts";

/**
 * Returns the record with the latest time. The order of records differs between networks, so their position means nothing;
 * a record without a readable time is older than every other.
 */
export function newestBy<R>(records: readonly R[], time: (record: R) => string | null): R | undefined {
  let newest: R | undefined;
  let newestAt = Number.NEGATIVE_INFINITY;
  for (const record of records) {
    const at = orderOf(time(record));
    if (newest === undefined || at > newestAt) {
      newest = record;
      newestAt = at;
    }
  }
  return newest;
}

/** Returns milliseconds since 1970 (guide §1.2); before all times where there is none. */
export function orderOf(text: string | null): number {
  const at = text === null ? Number.NaN : timeOf(text);
  return Number.isNaN(at) ? Number.NEGATIVE_INFINITY : at;
}

import { performance } from "node:perf_hooks";

/** Rows that go in one transaction: some milliseconds, for batches wait behind it. */
const STEP_ROWS = 5000;
/** What one call removes for. */
const BUDGET_MS = 1000;

/** Calls for the oldest rows, so many at most, to be removed until none is left or the time is up. Gives how many went. */
export async function removeInSteps(removeOldest: (rows: number) => Promise<number>): Promise<number> {
  const until = performance.now() + BUDGET_MS;
  let removed = 0;
  for (let step = -1; step !== 0 && performance.now() < until; removed += step)
    step = await removeOldest(STEP_ROWS);
  return removed;
}

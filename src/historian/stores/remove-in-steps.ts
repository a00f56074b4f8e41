import { performance } from "node:perf_hooks";

/** Number of rows removed in a transaction. It takes some milliseconds, which delay batches. */
const STEP_ROWS = 5000;
/** Duration of one call, in milliseconds. */
const BUDGET_MS = 1000;

/** Calls `removeOldest` with a maximum number of rows until none is left or the time is over. Returns the number removed. */
export async function removeInSteps(removeOldest: (rows: number) => Promise<number>): Promise<number> {
  const until = performance.now() + BUDGET_MS;
  let removed = 0;
  for (let step = -1; step !== 0 && performance.now() < until; removed += step)
    step = await removeOldest(STEP_ROWS);
  return removed;
}

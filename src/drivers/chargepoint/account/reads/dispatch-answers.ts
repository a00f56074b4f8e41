import { setImmediate as nextTurn } from "node:timers/promises";

/** Maximum number of answers passed on before yielding to the event loop; each may end a scrape and publish it. */
const AT_ONCE = 100;

/** Passes on the records of a page in their order without blocking the event loop. */
export async function dispatchAnswers<R>(records: readonly R[], give: (record: R) => void): Promise<void> {
  for (let from = 0; from < records.length; from += AT_ONCE) {
    if (from > 0) await nextTurn();
    for (const record of records.slice(from, from + AT_ONCE)) give(record);
  }
}

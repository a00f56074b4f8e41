import { setImmediate as nextTurn } from "node:timers/promises";

/** With each answer a scrape ends and is published: so many in one turn of the event loop, and then others have theirs. */
const AT_ONCE = 100;

/** Gives out what a page brought, in its order, without holding up the event loop. */
export async function dispatchAnswers<R>(records: readonly R[], give: (record: R) => void): Promise<void> {
  for (let from = 0; from < records.length; from += AT_ONCE) {
    if (from > 0) await nextTurn();
    for (const record of records.slice(from, from + AT_ONCE)) give(record);
  }
}

import type { HistorianBackend, Order, ReadRequest, Row } from "../contract.ts";

/**
 * Number of rows read at once, a day of a point that is scraped every minute: a store that reads its days from files reads each once.
 * Larger pages would block either side for long.
 */
const PAGE = 1500;

export interface RowRange {
  readonly start?: number;
  readonly end?: number;
  readonly order: Order;
  readonly skip: number;
  readonly count: number;
}

/** Reads one topic page by page. Rows stored meanwhile may be missing; no row is returned twice. */
export async function* readPages(
  backend: Pick<HistorianBackend, "read">,
  topic: string,
  range: RowRange,
  signal?: AbortSignal,
): AsyncGenerator<readonly Row[]> {
  let request: ReadRequest = { topic, ...range, limit: 0 };
  for (let left = range.count; left > 0; ) {
    const limit = Math.min(left, PAGE);
    const rows = await backend.read({ ...request, limit }, signal);
    if (rows.length > 0) yield rows;
    const last = rows.at(-1);
    if (!last || rows.length < limit) return;
    left -= rows.length;
    request = {
      ...request,
      skip: 0,
      ...(range.order === "FIRST_TO_LAST" ? { start: last[0] + 1 } : { end: last[0] }),
    };
  }
}

/** Skips the first `skip` rows and ends after `count` rows. */
export async function* slicePages(
  pages: AsyncIterable<readonly Row[]>,
  skip: number,
  count: number,
): AsyncGenerator<readonly Row[]> {
  let skipped = 0;
  let left = count;
  if (left === 0) return;
  for await (const page of pages) {
    const from = Math.min(skip - skipped, page.length);
    skipped += from;
    const rows = page.slice(from, from + left);
    left -= rows.length;
    if (rows.length > 0) yield rows;
    if (left === 0) return;
  }
}

/** Asks for the first page at once. What it fails with is thrown where the pages are taken. */
export function ahead<Page>(pages: AsyncIterable<Page>): AsyncIterable<Page> {
  const iterator = pages[Symbol.asyncIterator]();
  const first = iterator.next();
  first.catch(() => undefined);
  return (async function* () {
    for (let page = await first; !page.done; page = await iterator.next()) yield page.value;
  })();
}

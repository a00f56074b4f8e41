import { ApiError, ProtocolError } from "../../api/errors.ts";

/** Maximum number of calls that one failing page may cost. */
const MOST_CALLS = 64;

/** Returns whether a smaller page may be answered where this one failed: one record can make a whole page unreadable. */
function mayBeOneStation(error: unknown): boolean {
  if (error instanceof ProtocolError) return true;
  return error instanceof ApiError && (error.kind === "invalid" || error.code === "131");
}

/**
 * Reads a page of stations. A page that is refused or unreadable is read in halves until the stations that cause it are
 * isolated; `fail` is called for each of these, or for all that remain when it takes too many calls.
 */
export async function readSplitting(
  stationIDs: readonly string[],
  read: (stationIDs: readonly string[]) => Promise<void>,
  fail: (stationIDs: readonly string[], error: unknown) => void,
): Promise<void> {
  const pages: (readonly string[])[] = [stationIDs];
  for (let calls = 0; pages.length > 0; calls++) {
    const page = pages.shift()!;
    try {
      await read(page);
    } catch (error) {
      if (page.length === 1 || calls >= MOST_CALLS || !mayBeOneStation(error)) fail(page, error);
      else pages.push(page.slice(0, page.length / 2), page.slice(page.length / 2));
    }
  }
}

import { ApiError, ProtocolError } from "../../api/errors.ts";

/** Most calls that one failing page may cost. */
const MOST_CALLS = 64;

/** Whether a smaller question may be answered where this one was not: one record can spoil a page. */
function mayBeOneStation(error: unknown): boolean {
  if (error instanceof ProtocolError) return true;
  return error instanceof ApiError && (error.kind === "invalid" || error.code === "131");
}

/**
 * Asks for a page of stations. One that the service refuses, or whose answer cannot be read, is asked for in halves until the
 * stations that spoil it stand alone; `fail` gets each of these, or all that are left when it takes too many calls.
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

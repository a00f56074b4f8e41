import { ApiError, operations } from "../drivers/chargepoint/api/index.ts";
import type { SessionReader } from "./reader.ts";
import type { Reading } from "./reading.ts";

const PAGE = 500;

/**
 * Quarter hours of the sessions of a range that are over and have none yet, or have changed since: one call for each
 * session. Those that are read stay so; a run that was interrupted goes on with the rest. Gives the number of sessions.
 */
export async function readIntervals(
  { client, store, signal, at, refuse, progress }: Reading,
  reader: SessionReader,
  account: string,
  from: string,
  to: string,
): Promise<number> {
  let count = 0;
  let after: readonly [start: string, id: string] = [from, "0"];
  for (;;) {
    const found = await reader.sessionsWithoutIntervals({ account, after, to, count: PAGE }, signal);
    for (const [sessionID] of found) {
      try {
        const request = { sessionID, energyConsumedInterval: true };
        const answer = await client.call(operations.get15minChargingSessionData, request, { signal });
        await store.intervals(sessionID, answer, at);
        count++;
        progress("intervals", count);
      } catch (error) {
        // The plan lacks it: no session will have any. Otherwise it is this session's matter.
        if (!(error instanceof ApiError) || error.kind === "forbidden") throw error;
        refuse(new Map([[`quarter hours of a session: ${error.guideText ?? `code ${error.code}`}`, 1]]));
      }
    }
    const last = found.at(-1);
    if (!last || found.length < PAGE) return count;
    after = [last[1], last[0]];
  }
}

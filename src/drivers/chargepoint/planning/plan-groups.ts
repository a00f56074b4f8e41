import { systemClock } from "../../../time/clock.ts";
import type { KnownGroups } from "../../plan.ts";
import { StationGroups } from "../account/reads/station-groups.ts";
import type { ChargePointClient } from "../api/client.ts";
import { ApiError } from "../api/errors.ts";

/**
 * The station groups by which loads of so many stations are read, as an account learns them at its first scrape.
 * Refused groups are none, as they are to the account: it reads the loads one by one then, and `onRefused` is told.
 * @throws what keeps the account from being asked at all
 */
export async function findGroups(
  client: Pick<ChargePointClient, "call">,
  stations: number,
  { signal, onRefused }: { signal: AbortSignal; onRefused: (error: unknown) => void },
): Promise<KnownGroups> {
  if (stations < 2) return { groups: [], calls: 0 };
  let failure: { readonly error: unknown } | undefined;
  const learnt = new StationGroups(client, {
    clock: systemClock,
    signal,
    onFailure: (error) => {
      failure = { error };
    },
  });
  await learnt.learn(stations);
  signal.throwIfAborted();
  if (failure && !isRefusal(failure.error)) throw failure.error;
  if (failure) onRefused(failure.error);
  const groups = learnt.groups.map(({ sgID, stationIDs }) => ({ id: sgID, members: stationIDs }));
  return { groups, calls: learnt.asked };
}

/** The service has answered, and will answer the same again. */
function isRefusal(error: unknown): boolean {
  return error instanceof ApiError && error.kind !== "transient";
}

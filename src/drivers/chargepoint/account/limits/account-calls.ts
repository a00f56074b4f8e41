import type { Log } from "../../../../log/log.ts";
import type { CallOptions, ChargePointClient } from "../../api/client.ts";
import { ApiError } from "../../api/errors.ts";
import type { Operation, RequestOf, ResponseOf } from "../../api/message.ts";
import { getOrgsAndStationGroups } from "../../api/operations/get-orgs-and-station-groups.ts";
import { getStationGroupDetails } from "../../api/operations/get-station-group-details.ts";
import { getStationGroups } from "../../api/operations/get-station-groups.ts";
import type { Breaker } from "./breaker.ts";
import type { CallLimits } from "./call-limits.ts";

export interface AccountCallsInit {
  readonly label: string;
  readonly client: Pick<ChargePointClient, "call">;
  readonly limits: CallLimits;
  readonly breaker: Breaker;
  readonly log: Log;
}

/** Operations that no point is read by; their callers report refusals. */
const LEARNING: ReadonlySet<string> = new Set([
  getOrgsAndStationGroups.name,
  getStationGroups.name,
  getStationGroupDetails.name,
]);

/** Calls the service for an account: within its limits, with growing pauses while it fails. Refusals are reported once. */
export class AccountCalls implements Pick<ChargePointClient, "call"> {
  readonly #init: AccountCallsInit;
  readonly #forbidden = new Set<string>();
  readonly #never = new AbortController().signal;

  constructor(init: AccountCallsInit) {
    this.#init = init;
  }

  /** Whether reads are paused after failures. */
  get isPaused(): boolean {
    return this.#init.breaker.isOpen;
  }

  /** Whether reads wait because the calls of the last minute are used up. */
  get isUsedUp(): boolean {
    return this.#init.limits.isUsedUp;
  }

  /** Calls a read operation. */
  async call<O extends Operation>(
    operation: O,
    request: RequestOf<O>,
    options: CallOptions = {},
  ): Promise<ResponseOf<O>> {
    const { client, limits, breaker } = this.#init;
    const place = { write: false, lane: laneOf(operation, request), signal: options.signal ?? this.#never };
    try {
      return await breaker.run(() => limits.run(place, () => client.call(operation, request, options)));
    } catch (error) {
      if (error instanceof ApiError && error.kind === "forbidden")
        this.#reportForbidden(operation.name, error);
      throw error;
    }
  }

  /** Calls a write operation, before all waiting reads and regardless of their failures. */
  write<O extends Operation>(
    operation: O,
    request: RequestOf<O>,
    signal: AbortSignal,
  ): Promise<ResponseOf<O>> {
    const { client, limits } = this.#init;
    return limits.run({ write: true, lane: "", signal }, () => client.call(operation, request, { signal }));
  }

  /** Plan and rights do not change between scrapes, so a refusal is logged once per operation. */
  #reportForbidden(operation: string, error: Error): void {
    if (this.#forbidden.has(operation) || LEARNING.has(operation)) return;
    this.#forbidden.add(operation);
    const { label, log } = this.#init;
    log.warn(`account ${label} may not use ${operation}; its points are unavailable`, { err: error });
  }
}

/** Calls for one station share its lane, other calls their operation's. */
function laneOf(operation: Operation, request: unknown): string {
  const { searchQuery } = request as { searchQuery?: { stationID?: string } };
  return searchQuery?.stationID ?? operation.name;
}

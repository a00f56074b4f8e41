import { createLog } from "../../../log/log.ts";
import type { PointValue } from "../../../points/index.ts";
import { Account, type Reader, StillReadingError } from "../account/account.ts";
import type { AnswerKind } from "../account/answers.ts";
import { AccountPausedError } from "../account/limits/breaker.ts";
import { AccountBusyError } from "../account/limits/call-limits.ts";
import { StationMissingError } from "../account/reads/station-missing.ts";
import { ApiError, type ChargePointClient, TransportError } from "../api/index.ts";
import { CALLS_IN_FLIGHT, CALLS_PER_MINUTE } from "../config.ts";

/** What the service said when it was asked for one kind of answer of a station. */
export type Outcome =
  | { readonly answer: unknown }
  /** The service refused it, for a reason that only a change of plan or rights can end. */
  | { readonly refusal: Error }
  /** It cannot be read now. */
  | { readonly failure: Error };

/** Interval of the rounds, in seconds; there is one. */
const INTERVAL_SECONDS = 60;

/**
 * Reads every kind of answer of every station once, in the calls that a running bridge would make. Rejects where the account
 * cannot be asked.
 */
export async function readAnswers(
  client: Pick<ChargePointClient, "call">,
  stationIDs: readonly string[],
  kinds: readonly AnswerKind[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ReadonlyMap<AnswerKind, Outcome>>> {
  const kept = new Map<string, PointValue>();
  const account = new Account({
    label: "discovery",
    client: { call: (...args) => client.call(...args), close: async () => undefined },
    // Refusals are part of the result.
    log: createLog({ level: "silent" }),
    notice: () => undefined,
    outages: { failed: () => undefined, ended: () => false, forget: () => undefined },
    state: { get: (key) => kept.get(key) ?? null, set: (key, value) => void kept.set(key, value) },
    stateKey: "discovery",
    callsInFlight: CALLS_IN_FLIGHT,
    callsPerMinute: CALLS_PER_MINUTE,
  });
  const stop = () => void account.close();
  signal.addEventListener("abort", stop);
  try {
    const pace = { maxAgeSeconds: 0, intervalSeconds: INTERVAL_SECONDS, portDetails: true };
    const readers = stationIDs.map((id) => kinds.map((kind) => account.join(kind, id, pace)));
    const read = await Promise.all(
      readers.map(async (ofStation, i) => {
        const outcomes = await Promise.all(
          ofStation.map(async (reader) => [reader.kind, await outcomeOf(account, reader)] as const),
        );
        return [stationIDs[i]!, new Map(outcomes)] as const;
      }),
    );
    return new Map(read);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    await account.close();
  }
}

async function outcomeOf(account: Account, reader: Reader): Promise<Outcome> {
  for (;;) {
    try {
      return { answer: await ask(account, reader) };
    } catch (error) {
      // The walk over a large account continues.
      if (error instanceof StillReadingError) continue;
      if (error instanceof StationMissingError) return { refusal: error };
      if (error instanceof AccountPausedError || error instanceof AccountBusyError)
        throw new TransportError("discovery", error.message, {
          code: "not asked",
          sent: false,
          retryable: true,
        });
      if (!(error instanceof ApiError)) throw error;
      return error.kind === "transient" ? { failure: error } : { refusal: error };
    }
  }
}

function ask(account: Account, reader: Reader): Promise<unknown> {
  return new Promise((resolve, reject) =>
    account.ask(reader, {
      answered: (_kind, answer) => resolve(answer),
      failed: (_kind, error) => reject(error),
    }),
  );
}

import type { ChargePointClient } from "../../api/client.ts";
import { ApiError, CredentialsError, TransportError } from "../../api/errors.ts";
import type { Operation } from "../../api/message.ts";
import { pages, type QueryOf, type RecordOf } from "../../api/paging.ts";
import { AccountPausedError } from "../limits/breaker.ts";
import { AccountBusyError } from "../limits/call-limits.ts";

type Client = Pick<ChargePointClient, "call">;

export interface WalkOptions {
  readonly signal: AbortSignal;
  /** Maximum number of pages. */
  readonly maxPages: number;
}

/** Number of pages requested ahead in a long walk. */
const PAGES_AHEAD = 3;

/**
 * Walks the pages of an operation until `take` returns false. Returns how many pages that took; undefined where `maxPages`
 * ended the walk. @throws what {@link pages} throws
 */
export async function walk<O extends Operation>(
  client: Client,
  operation: O,
  query: QueryOf<O>,
  { signal, maxPages }: WalkOptions,
  take: (record: RecordOf<O>) => boolean | undefined,
): Promise<number | undefined> {
  let walked = 0;
  const enough = new Error("enough pages");
  const counting: Client = {
    call: (...args) => {
      if (walked >= maxPages) return Promise.reject(enough);
      walked += 1;
      return client.call(...args);
    },
  };
  try {
    for await (const record of pages(counting, operation, query, { signal, ahead: PAGES_AHEAD })) {
      if (take(record) === false) break;
    }
    return walked;
  } catch (error) {
    if (error === enough) return undefined;
    throw error;
  }
}

/** Returns all records of a query for one station. */
export async function collect<O extends Operation>(
  client: Client,
  operation: O,
  query: QueryOf<O>,
  signal: AbortSignal,
): Promise<RecordOf<O>[]> {
  const all: RecordOf<O>[] = [];
  for await (const record of pages(client, operation, query, { signal })) all.push(record);
  return all;
}

/**
 * Returns whether a call for one station would fail as the one for many did: the service does not answer, or the plan lacks
 * the operation.
 */
export function concernsAll(error: unknown): boolean {
  if (error instanceof ApiError) return error.kind === "transient" || error.code === "101";
  return [TransportError, CredentialsError, AccountPausedError, AccountBusyError].some(
    (type) => error instanceof type,
  );
}

import { type Clock, secondsOn } from "../../../../time/clock.ts";
import type { ChargePointClient } from "../../api/client.ts";
import { ApiError, CredentialsError, TransportError } from "../../api/errors.ts";
import type { Operation } from "../../api/message.ts";
import { pages, type QueryOf, type RecordOf } from "../../api/paging.ts";
import { AccountPausedError } from "../limits/breaker.ts";
import { AccountBusyError } from "../limits/call-limits.ts";
import type { Batch } from "./gathered-reads.ts";

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

/** Time before an account that shows much more than is read from it is walked again, in seconds. */
const COSTLY_SECONDS = 3600;

/**
 * Reads a batch by a walk over the whole account, or station by station where that takes fewer calls. A walk ends after as
 * many pages as there are stations, so that it never costs more than twice the minimum of calls.
 */
export class AccountWalk<A> {
  readonly #clock: Clock;
  readonly #alone: (stationID: string) => Promise<A>;
  /** The last number of stations for which a walk was not worth its calls, and until when that is assumed. */
  #costly = { stations: 0, until: 0 };

  constructor(clock: Clock, alone: (stationID: string) => Promise<A>) {
    this.#clock = clock;
    this.#alone = alone;
  }

  /**
   * Reads the batch; `walk` gets the maximum number of pages, answers the stations it finds, and returns undefined where
   * that maximum ended it.
   */
  async read(batch: Batch<A>, walk: (maxPages: number) => Promise<number | undefined>): Promise<void> {
    const costly = secondsOn(this.#clock) < this.#costly.until ? this.#costly.stations : 0;
    batch.fill(Number.POSITIVE_INFINITY);
    const stations = batch.missing().length;
    if (stations < 2 || stations <= costly) return this.#single(batch);
    try {
      const pages = await walk(stations);
      if (pages === undefined) this.#costly = { stations, until: secondsOn(this.#clock) + COSTLY_SECONDS };
    } catch (error) {
      if (concernsAll(error)) throw error;
      // A page that cannot be read fails only the stations without a pending read.
      const wanted = new Set(batch.wanted);
      for (const id of batch.missing()) if (!wanted.has(id)) batch.fail(id, error);
    }
    await this.#single(batch);
  }

  async #single(batch: Batch<A>): Promise<void> {
    const one = (id: string) =>
      this.#alone(id).then(
        (answer) => batch.answer(id, answer),
        (error: unknown) => batch.fail(id, error),
      );
    await Promise.all(batch.missing().map(one));
  }
}

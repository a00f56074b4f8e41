import { createHash } from "node:crypto";
import type { CallOptions, ChargePointClient } from "./client.ts";
import { ProtocolError } from "./errors.ts";
import type { Fields, GroupField, Operation, RequestOf, ResponseOf } from "./message.ts";

export interface PagesOptions extends CallOptions {
  /** Records asked for at a time, where the operation lets one ask; default the most the guide allows. */
  readonly pageSize?: number;
  /** Most pages walked; default 1000. */
  readonly maxPages?: number;
  /**
   * Most pages asked for beside the one that is waited for, where full pages tell where they begin. Of a long walk only: one
   * for every four pages so far, so that few calls go beyond the end. Default 0: one page after the other.
   */
  readonly ahead?: number;
}

/** The search query of a paged operation, without the elements that walk its pages. */
export type QueryOf<O> = RequestOf<O> extends { searchQuery?: infer Q } ? NonNullable<Q> : never;

/** A record of a paged operation. */
export type RecordOf<O> =
  O extends Operation<Fields, Fields> ? ItemOf<PlaceOf<O>, NonNullable<O["paging"]>["records"]> : never;

/** Where the list of records stands: the response, or a group of it. */
type PlaceOf<O extends Operation> = O["paging"] extends { recordsIn: infer G extends string }
  ? NonNullable<ResponseOf<O>[G & keyof ResponseOf<O>]>
  : ResponseOf<O>;

type ItemOf<P, N extends string> = P extends { [K in N]: (infer R)[] } ? R : never;

/**
 * The records of all pages, in order; a page is fetched when the walk gets to it. `deadlineMs` holds for each page.
 *
 * @throws ProtocolError (`paging`) for a page that promises more and holds none or repeats an earlier one, and for
 * more pages than `maxPages`; and what {@link ChargePointClient.call} throws.
 */
export async function* pages<O extends Operation>(
  client: Pick<ChargePointClient, "call">,
  operation: O,
  query: QueryOf<O>,
  options: PagesOptions = {},
): AsyncGenerator<RecordOf<O>, void, undefined> {
  const { paging, name } = operation;
  if (!paging) throw new TypeError(`${name} does not come in pages`);
  const { pageSize = paging.maxSize ?? paging.size, maxPages = 1000, ahead = 0, ...callOptions } = options;
  const { fields } = operation.request.searchQuery as GroupField;
  const startsWithText = fields.startRecord?.kind === "scalar" && fields.startRecord.type === "long";

  const ask = (from: number): Promise<Record<string, unknown>> => {
    const startRecord = startsWithText ? String(from) : from;
    const searchQuery: Record<string, unknown> = { ...query, startRecord };
    if (paging.sizeElement) searchQuery[paging.sizeElement] = pageSize;
    return client.call(operation, { searchQuery } as unknown as RequestOf<O>, callOptions);
  };
  /** Pages on their way, by their first record. */
  const coming = new Map<number, Promise<Record<string, unknown>>>();

  let start = 1;
  /** Digests of the pages so far, and their numbers. */
  const seen = new Map<string, number>();
  for (let page = 1; page <= maxPages; page++) {
    const answer = await (coming.get(start) ?? ask(start));
    coming.delete(start);
    const records = (at(answer, paging.recordsIn)[paging.records] ?? []) as Record<string, unknown>[];
    const digest = createHash("sha256").update(JSON.stringify(records)).digest("base64");
    const earlier = seen.get(digest);
    const more = Number(at(answer, paging.moreIn)[paging.moreElement] ?? 0) > 0;
    const length = countOf(records, paging.countedElement);
    if (more && length === 0) throw endless(name, `page ${page} is empty and promises more`);
    if (length > 0 && earlier !== undefined) throw endless(name, `page ${page} repeats page ${earlier}`);
    yield* records as RecordOf<O>[];
    if (!more) return;
    seen.set(digest, page);
    start += length;
    const beside = length < pageSize ? 0 : Math.min(ahead, Math.floor(page / 4), maxPages - page - 1);
    for (let next = start; next <= start + beside * length && beside > 0; next += length) {
      if (coming.has(next)) continue;
      const asked = ask(next);
      // Whether it is needed, and then what becomes of it, is known when the walk gets there.
      asked.catch(() => undefined);
      coming.set(next, asked);
    }
  }
  throw endless(name, `more than ${maxPages} pages`);
}

/** The answer, or a group of it; an empty group is no elements at all. */
function at(answer: Record<string, unknown>, group: string | undefined): Record<string, unknown> {
  return group === undefined ? answer : ((answer[group] ?? {}) as Record<string, unknown>);
}

function countOf(records: readonly Record<string, unknown>[], counted: string | undefined): number {
  if (counted === undefined) return records.length;
  return records.reduce((sum, record) => sum + (record[counted] as unknown[]).length, 0);
}

function endless(operation: string, what: string): ProtocolError {
  return new ProtocolError(operation, "paging", `${what}; the walk ends`);
}

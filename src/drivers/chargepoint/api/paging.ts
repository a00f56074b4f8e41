import { createHash } from "node:crypto";
import type { CallOptions, ChargePointClient } from "./client.ts";
import { ProtocolError } from "./errors.ts";
import type { Fields, GroupField, Operation, RequestOf, ResponseOf } from "./message.ts";

export interface PagesOptions extends CallOptions {
  /** Records requested per page, where the operation supports it; default: the maximum of the guide. */
  readonly pageSize?: number;
  /** Maximum number of pages; default 1000. */
  readonly maxPages?: number;
  /**
   * Maximum number of pages requested ahead, where the start of the next page is known from a full one. Only in long walks:
   * one for every four pages so far, so that few calls go beyond the end. Default 0: one page after the other.
   */
  readonly ahead?: number;
}

/** The search query of a paged operation, without the elements that walk its pages. */
export type QueryOf<O> = RequestOf<O> extends { searchQuery?: infer Q } ? NonNullable<Q> : never;

/** A record of a paged operation. */
export type RecordOf<O> =
  O extends Operation<Fields, Fields> ? ItemOf<PlaceOf<O>, NonNullable<O["paging"]>["records"]> : never;

/** Type that contains the list of records: the response, or a group of it. */
type PlaceOf<O extends Operation> = O["paging"] extends { recordsIn: infer G extends string }
  ? NonNullable<ResponseOf<O>[G & keyof ResponseOf<O>]>
  : ResponseOf<O>;

type ItemOf<P, N extends string> = P extends { [K in N]: (infer R)[] } ? R : never;

/**
 * Yields the records of all pages, in order; each page is fetched when the walk reaches it. `deadlineMs` applies to each
 * page.
 * @throws ProtocolError (`paging`) for a page that announces more and is empty or repeats an earlier one, and for more
 * pages than `maxPages`; and what {@link ChargePointClient.call} throws.
 */
export async function* pages<O extends Operation>(
  client: Pick<ChargePointClient, "call">,
  operation: O,
  query: QueryOf<O>,
  options: PagesOptions = {},
): AsyncGenerator<RecordOf<O>, void, undefined> {
  const { paging, name } = operation;
  if (!paging) throw new TypeError(`${name} is not a paged operation`);
  const { pageSize = paging.maxSize ?? paging.size, maxPages = 1000, ahead = 0, ...callOptions } = options;
  const { fields } = operation.request.searchQuery as GroupField;
  const startsWithText = fields.startRecord?.kind === "scalar" && fields.startRecord.type === "long";

  const ask = (from: number): Promise<Record<string, unknown>> => {
    const startRecord = startsWithText ? String(from) : from;
    const searchQuery: Record<string, unknown> = { ...query, startRecord };
    if (paging.sizeElement) searchQuery[paging.sizeElement] = pageSize;
    return client.call(operation, { searchQuery } as unknown as RequestOf<O>, callOptions);
  };
  /** Pages being fetched, by their first record. */
  const coming = new Map<number, Promise<Record<string, unknown>>>();

  let start = 1;
  /** Digests of the pages so far, with their numbers. */
  const seen = new Map<string, number>();
  for (let page = 1; page <= maxPages; page++) {
    const answer = await (coming.get(start) ?? ask(start));
    coming.delete(start);
    const records = (at(answer, paging.recordsIn)[paging.records] ?? []) as Record<string, unknown>[];
    const digest = createHash("sha256").update(JSON.stringify(records)).digest("base64");
    const earlier = seen.get(digest);
    const more = Number(at(answer, paging.moreIn)[paging.moreElement] ?? 0) > 0;
    const length = countOf(records, paging.countedElement);
    if (more && length === 0) throw endless(name, `page ${page} is empty but announces more`);
    if (length > 0 && earlier !== undefined) throw endless(name, `page ${page} repeats page ${earlier}`);
    yield* records as RecordOf<O>[];
    if (!more) return;
    seen.set(digest, page);
    start += length;
    const beside = length < pageSize ? 0 : Math.min(ahead, Math.floor(page / 4), maxPages - page - 1);
    for (let next = start; next <= start + beside * length && beside > 0; next += length) {
      if (coming.has(next)) continue;
      const asked = ask(next);
      // Whether the page is needed, and so whether its error matters, is known when the walk reaches it.
      asked.catch(() => undefined);
      coming.set(next, asked);
    }
  }
  throw endless(name, `more than ${maxPages} pages`);
}

/** Returns the answer, or a group of it; an empty group has no elements. */
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

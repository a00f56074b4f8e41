import { RESPONSE_CODES } from "../../drivers/chargepoint/api/response-codes.ts";
import { Refusal } from "./answer.ts";

export interface Page<T> {
  /** With their positions in the whole result, from 1. */
  readonly records: readonly { readonly recordNumber: number; readonly record: T }[];
  readonly moreFlag: 0 | 1;
}

interface Limits {
  /** Maximum number of records in a page. */
  readonly most: number;
  /** Number of records in a page where the request does not set it; absent: `most`. */
  readonly usual?: number;
  /** Code for a request of a larger page; absent: the page has the maximum. */
  readonly beyond?: "189" | "198";
  /** Code for a page without records. */
  readonly none: string;
}

/**
 * Returns a page of a result. `startRecord` counts from 1 (a long is text).
 * @throws Refusal 130, `beyond`, and `none` where the result has nothing from `startRecord` on
 */
export function pageOf<T>(
  result: readonly T[],
  request: {
    readonly startRecord: number | string | null | undefined;
    readonly size?: number | null | undefined;
  },
  { most, usual = most, beyond, none }: Limits,
): Page<T> {
  const start = Number(request.startRecord ?? 1);
  const asked = request.size ?? usual;
  if (start < 1 || asked < 1) throw new Refusal("130");
  if (asked > most && beyond) {
    throw new Refusal(
      beyond,
      beyond === "189" ? `numStations exceeds the largest page of ${most}` : RESPONSE_CODES[beyond],
    );
  }
  const size = Math.min(asked, most);
  const records = result
    .slice(start - 1, start - 1 + size)
    .map((record, index) => ({ recordNumber: start + index, record }));
  if (records.length === 0) throw new Refusal(none);
  return { records, moreFlag: result.length > start - 1 + size ? 1 : 0 };
}

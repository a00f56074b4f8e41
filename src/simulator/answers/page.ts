import { Refusal } from "./answer.ts";

export interface Page<T> {
  /** With their places in the whole result, from 1. */
  readonly records: readonly { readonly recordNumber: number; readonly record: T }[];
  readonly moreFlag: 0 | 1;
}

/**
 * Cuts a page out of a result. `startRecord` counts from 1 (a long is text); a `size` beyond the most is code 189
 * where the operation has one, else the most.
 *
 * @throws Refusal 130, 189, and `none` where the result holds nothing from `startRecord` on
 */
export function pageOf<T>(
  result: readonly T[],
  request: {
    readonly startRecord: number | string | null | undefined;
    readonly size?: number | null | undefined;
  },
  limits: { readonly most: number; readonly refuseLarger?: boolean; readonly none: string },
): Page<T> {
  const start = Number(request.startRecord ?? 1);
  const asked = request.size ?? limits.most;
  if (start < 1 || asked < 1) throw new Refusal("130");
  if (asked > limits.most && limits.refuseLarger) {
    throw new Refusal("189", `numStations exceeds the largest page of ${limits.most}`);
  }
  const size = Math.min(asked, limits.most);
  const records = result
    .slice(start - 1, start - 1 + size)
    .map((record, index) => ({ recordNumber: start + index, record }));
  if (records.length === 0) throw new Refusal(limits.none);
  return { records, moreFlag: result.length > start - 1 + size ? 1 : 0 };
}

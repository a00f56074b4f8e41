import type { RefObject } from "preact";
import { useCallback, useLayoutEffect, useState } from "preact/hooks";

/** Rows that are drawn: from `first` up to, without, `end`. */
export interface VisibleRows {
  readonly first: number;
  readonly end: number;
}

/** Rows drawn above and below the window, so that a short scroll shows no gap. */
const SPARE = 8;

/**
 * Returns which rows of a tall list are in the window. `list` is the element whose first row starts at its top; rows are
 * `height` pixels tall. The page scrolls, or any element around the list.
 */
export function useVisibleRows(
  list: RefObject<HTMLElement | null>,
  count: number,
  height: number,
): VisibleRows {
  const [rows, setRows] = useState<VisibleRows>({ first: 0, end: Math.min(count, 40) });
  const measure = useCallback(() => {
    if (!list.current) return;
    const above = -list.current.getBoundingClientRect().top;
    const seen = Math.floor(above / height);
    const seenEnd = Math.ceil((above + innerHeight) / height);
    const first = clamp(seen - SPARE, count);
    const end = clamp(seenEnd + SPARE, count);
    // Steps of a few rows: most events of a scroll draw nothing. A list that grew has its new last rows drawn.
    setRows((before) =>
      Math.abs(before.first - first) < SPARE / 2 &&
      Math.abs(before.end - end) < SPARE / 2 &&
      before.end <= count &&
      before.first <= clamp(seen, count) &&
      before.end >= clamp(seenEnd, count)
        ? before
        : { first, end },
    );
  }, [list, count, height]);
  useLayoutEffect(() => {
    measure();
    document.addEventListener("scroll", measure, { capture: true, passive: true });
    addEventListener("resize", measure);
    return () => {
      document.removeEventListener("scroll", measure, { capture: true });
      removeEventListener("resize", measure);
    };
  }, [measure]);
  return { first: Math.min(rows.first, count), end: Math.min(Math.max(rows.end, rows.first), count) };
}

const clamp = (value: number, most: number): number => Math.min(Math.max(0, value), most);

import { useEffect, useMemo } from "preact/hooks";
import { place, setQuery } from "./router.ts";
import { useSignalValue } from "./signal.ts";

export const PRESETS = {
  "1h": 3_600,
  "24h": 86_400,
  "7d": 604_800,
  "30d": 2_592_000,
  "365d": 31_536_000,
} as const;
export type Preset = keyof typeof PRESETS;

/** A range of time, in milliseconds since 1970. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
  /** The range ends now, and moves with the time. */
  readonly preset?: Preset | undefined;
}

/**
 * Returns the range of the view's charts, which is part of its address: `?range=7d` or `?from=…&to=…`, and the function
 * that changes it. A preset ends at the time of the call.
 */
export function useRange(
  standard: Preset,
): readonly [TimeRange, (range: Preset | Omit<TimeRange, "preset">) => void] {
  const { query } = useSignalValue(place);
  const preset = query.get("range");
  const from = Date.parse(query.get("from") ?? "");
  const to = Date.parse(query.get("to") ?? "");
  const range = useMemo((): TimeRange => {
    if (Number.isFinite(from) && Number.isFinite(to) && from < to) return { from, to };
    const name = preset && Object.hasOwn(PRESETS, preset) ? (preset as Preset) : standard;
    const now = Date.now();
    return { from: now - PRESETS[name] * 1000, to: now, preset: name };
  }, [preset, from, to, standard]);
  return [range, setRange];
}

function setRange(range: Preset | Omit<TimeRange, "preset">): void {
  if (typeof range === "string") setQuery({ range, from: undefined, to: undefined });
  else
    setQuery({
      range: undefined,
      from: new Date(range.from).toISOString(),
      to: new Date(range.to).toISOString(),
    });
}

/** Returns the range as it is now: a preset ends now, also when it is loaded again. */
export function rangeNow(range: TimeRange): TimeRange {
  const { preset } = range;
  if (!preset) return range;
  const now = Date.now();
  return { from: now - PRESETS[preset] * 1000, to: now, preset };
}

/** Interval at which a range that ends now is loaded again, in milliseconds. */
const AGAIN: Readonly<Record<Preset, number>> = {
  "1h": 10_000,
  "24h": 60_000,
  "7d": 300_000,
  "30d": 600_000,
  "365d": 600_000,
};

/** Loads a range that ends now at an interval, while the reader looks at it. */
export function useLoadedAgain({ preset }: TimeRange, reload: () => void): void {
  useEffect(() => {
    if (!preset) return undefined;
    const again = setInterval(() => {
      if (!document.hidden) reload();
    }, AGAIN[preset]);
    return () => clearInterval(again);
  }, [preset, reload]);
}

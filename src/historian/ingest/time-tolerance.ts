import type { HistorianSettings } from "../../config/index.ts";
import type { CaptureKind } from "./capture.ts";

/** Returns whether a message's own time differs from now by more than `time_tolerance`. Both in microseconds. */
export function exceedsTolerance(
  time: number,
  now: number,
  kind: CaptureKind,
  { timeToleranceSeconds, timeToleranceTopics }: ToleranceSettings,
): boolean {
  if (timeToleranceSeconds === undefined || !timeToleranceTopics.includes(kind)) return false;
  return Math.abs(now - time) > timeToleranceSeconds * 1_000_000;
}

export type ToleranceSettings = Pick<HistorianSettings, "timeToleranceSeconds" | "timeToleranceTopics">;

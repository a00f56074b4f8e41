import type { DeviceInfo, PointValue, Write } from "../../points/index.ts";
import type { Command } from "../commands.ts";
import type { Answer } from "./answers.ts";

/** A write that somebody asked for. */
export interface Attempt {
  readonly action: "set" | "revert";
  readonly device: string;
  /** Absent for the revert of a whole device. */
  readonly point?: string;
  readonly requested: PointValue;
  /** What was read last before; absent where nothing was. */
  readonly from?: PointValue;
  readonly command: Command;
  /** The bridge's own doing, e.g. a renewed lease: overrides and reservations do not hold for it. */
  readonly own?: true;
}

/** An attempt as it goes on record. What concerns no point that exists is no attempted write, and undefined. */
export function recordOf(
  attempt: Attempt,
  devices: ReadonlyMap<string, { readonly info: DeviceInfo }>,
  at: Date,
  answer?: Answer & { readonly tookMs: number },
): Write | undefined {
  const device = devices.get(attempt.device)?.info;
  const { command, own: _, device: __, ...asked } = attempt;
  if (!device || (asked.point !== undefined && !device.points.has(asked.point))) return undefined;
  const { id, requester, via } = command;
  return { id, requester, via, device, at, ...asked, ...answer };
}

import { randomUUID } from "node:crypto";
import type { Log } from "../../log/log.ts";
import type { Clock } from "../../time/clock.ts";
import type { Device } from "../device.ts";
import type { LimitBook } from "../holding/limit-book.ts";
import type { Actuator } from "./actuator.ts";

interface Parts {
  readonly actuator: Actuator;
  readonly book: LimitBook;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Writes a device's Starting Values once, one after the other, for bridges whose config asks for it. Not where a set
 * point is held since the last run: that outranks them.
 */
export async function writeStartingValues({ info }: Device, parts: Parts): Promise<void> {
  const { actuator, book, clock, log, signal } = parts;
  if (book.has(info.path)) return;
  for (const { name, writable, startingValue } of info.points.values()) {
    if (!writable || startingValue === undefined) continue;
    if (signal.aborted) return;
    const sentAt = new Date(clock.now());
    const command = { id: randomUUID(), requester: "voltbridge", via: "start", sentAt };
    const { status, text } = await actuator.set(info.path, name, startingValue, command);
    if (status !== "confirmed")
      log.warn(`Starting Value ${status}`, { device: info.path, point: name, ...(text && { text }) });
  }
}

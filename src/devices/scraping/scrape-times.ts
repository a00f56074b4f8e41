/**
 * Computes when to scrape: pure functions of time and the device's place. All times are milliseconds since 1970.
 * The scrapes of a round share one aligned time, a whole number of intervals since midnight UTC; each device follows by its
 * own offset. An interval that does not divide a day restarts at midnight, as in VOLTTRON: the last gap of the day is
 * shorter. No interval is longer than a day.
 */

const DAY = 86_400_000;

export interface Place {
  readonly intervalSeconds: number;
  /** The device's number within its group, from 0. */
  readonly slot: number;
  readonly group: number;
  readonly spacingSeconds: number;
  readonly groupOffsetSeconds: number;
}

/**
 * Numbers the devices of each group from 0, as VOLTTRON's platform driver does. A device keeps its slot while the bridge
 * runs, even if it leaves its set and returns.
 */
export class GroupSlots {
  readonly #byGroup = new Map<number, Map<string, number>>();

  of(group: number, path: string): number {
    const slots = this.#byGroup.get(group) ?? new Map<string, number>();
    this.#byGroup.set(group, slots);
    const slot = slots.get(path) ?? slots.size;
    slots.set(path, slot);
    return slot;
  }
}

/** Returns the milliseconds by which a device follows the aligned time, folded into its interval. */
export function scrapeOffset(place: Place): number {
  const seconds = place.slot * place.spacingSeconds + place.group * place.groupOffsetSeconds;
  return Math.round(seconds * 1000) % (place.intervalSeconds * 1000);
}

/** Returns the aligned time at or before `time`. */
export function alignedAt(time: number, interval: number): number {
  const start = midnight(time);
  return start + Math.floor((time - start) / interval) * interval;
}

/** Returns the aligned time after the aligned time `aligned`. */
export function nextAligned(aligned: number, interval: number): number {
  return Math.min(aligned + interval, midnight(aligned) + DAY);
}

/** Returns the first aligned time whose scrape, with the device's offset, is due after `time`. */
export function nextScrape(time: number, interval: number, offset: number): number {
  return nextAligned(alignedAt(time - offset, interval), interval);
}

function midnight(time: number): number {
  return Math.floor(time / DAY) * DAY;
}

/** Start of the year of the first release, in milliseconds since 1970. A clock with an earlier time was never set. */
const EARLIEST = Date.UTC(2026, 0, 1);

/**
 * Returns whether a time is plausible. A machine without a clock battery starts in 1970, or at a time from its image, and continues from
 * there until it reaches a time server.
 */
export function isClockSet(at: Date): boolean {
  return at.getTime() >= EARLIEST;
}

/** The year of the first release, milliseconds since 1970. A clock that shows an earlier time was never set. */
const EARLIEST = Date.UTC(2026, 0, 1);

/**
 * Whether a time can be true. A machine without a battery for its clock starts in 1970, or at a time out of its image, and
 * runs on from there until it hears of a time server.
 */
export function isClockSet(at: Date): boolean {
  return at.getTime() >= EARLIEST;
}

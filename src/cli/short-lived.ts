import { setFlagsFromString } from "node:v8";

/**
 * Has V8 make every new object among the young ones. While thousands of scrapes wait for their calls, it would take what
 * they hold for long-lived and make the next among the old objects, where they stay, with all that they refer to, until all
 * objects are collected: an eighth of a fleet's processor time, and twice its event loop delay (measured).
 */
export function expectShortLives(): void {
  setFlagsFromString("--no-allocation-site-pretenuring");
}

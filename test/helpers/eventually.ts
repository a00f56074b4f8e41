import { setTimeout as delay } from "node:timers/promises";

/** Tries until it holds; the last error where it never does. */
export async function eventually<T>(
  holds: () => T | Promise<T>,
  deadlineMs = 30_000,
  pauseMs = 100,
): Promise<T> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    try {
      return await holds();
    } catch (error) {
      if (Date.now() > end) throw error;
      await delay(pauseMs);
    }
  }
}

import type { ServerResponse } from "node:http";

/** Waits until the time has passed, the caller has disconnected, or the trouble ends (`over`). */
export function pause(ms: number, over: AbortSignal, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (over.aborted || response.destroyed) return resolve();
    const timer = Number.isFinite(ms) ? setTimeout(done, ms) : undefined;
    function done(): void {
      clearTimeout(timer);
      over.removeEventListener("abort", done);
      response.off("close", done);
      resolve();
    }
    over.addEventListener("abort", done, { once: true });
    response.once("close", done);
  });
}

/** Waits until the trouble ends or the caller has disconnected, then ends the connection without another byte. */
export async function fallSilent(over: AbortSignal, response: ServerResponse): Promise<void> {
  await pause(Number.POSITIVE_INFINITY, over, response);
  response.destroy();
}

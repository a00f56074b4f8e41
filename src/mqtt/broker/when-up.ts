import type { Link } from "./link.ts";

/** Resolves when the link is up, or at once; rejects when `signal` is aborted first. */
export function whenUp(link: Link, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (link.up) return resolve();
    const end = link.onChange((up) => {
      if (!up) return;
      end();
      signal.removeEventListener("abort", abort);
      resolve();
    });
    const abort = (): void => {
      end();
      reject(signal.reason);
    };
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}

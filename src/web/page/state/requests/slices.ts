/** Longest piece of work in one go, in milliseconds; below the 50 ms after which a page feels stuck. */
const SLICE = 12;

/** Returns a function that, called between steps of long work, lets the browser draw and react when it is time. */
export function slices(): () => Promise<void> | undefined {
  let until = performance.now() + SLICE;
  return () => {
    if (performance.now() < until) return undefined;
    return new Promise((resolve) => {
      // A message, because timers of pages in the background are slowed down.
      const channel = new MessageChannel();
      channel.port1.onmessage = () => {
        channel.port1.close();
        until = performance.now() + SLICE;
        resolve();
      };
      channel.port2.postMessage(undefined);
    });
  };
}

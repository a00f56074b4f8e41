import type { Notice } from "../bus.ts";
import { type Log, messageOf } from "../log/log.ts";
import { Outages } from "../log/outages.ts";

const EVERY_MS = 1000;

/** A part that keeps a file open while it runs. */
export interface HasFile {
  /** Recreates its file where it was removed, and returns a message. Throws where that fails. */
  restore(): string | undefined;
}

/**
 * Checks every second whether files in use were removed; logs and reports each case once. Returns the function that ends
 * it.
 */
export function watchFiles(
  files: readonly HasFile[],
  log: Log,
  onNotice: (notice: Notice) => void,
): () => void {
  const outages = new Outages({ log, notify: onNotice });
  const look = (file: HasFile, index: number) => {
    const key = `file ${index}`;
    const kind = "file_removed";
    try {
      const text = file.restore();
      outages.ended(key, { text: "a removed file of the bridge was recreated" });
      if (text === undefined) return;
      log.warn(text, { kind });
      onNotice({ severity: "warning", kind, text, at: new Date() });
    } catch (error) {
      const text = "a file of the bridge was removed and cannot be recreated";
      outages.failed({ key, kind, text, cause: messageOf(error), severity: "error" });
    }
  };
  const timer = setInterval(() => files.forEach(look), EVERY_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    outages.stop();
  };
}

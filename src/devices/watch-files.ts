import type { Notice } from "../bus.ts";
import type { Log } from "../log/log.ts";
import { Reported } from "../log/notices.ts";

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
  const failures = new Reported<HasFile>();
  const report = (severity: "warning" | "error", text: string) => {
    log[severity === "warning" ? "warn" : severity](text);
    onNotice({ severity, kind: "file_removed", text, at: new Date() });
  };
  const look = (file: HasFile) => {
    try {
      const text = file.restore();
      failures.ended(file);
      if (text !== undefined) report("warning", text);
    } catch (error) {
      const { message } = error as Error;
      if (failures.isNew(file, message))
        report("error", `a file of the bridge was removed and cannot be recreated: ${message}`);
    }
  };
  const timer = setInterval(() => files.forEach(look), EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

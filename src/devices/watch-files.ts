import type { Notice } from "../bus.ts";
import type { Log } from "../log/log.ts";
import { Reported } from "../log/notices.ts";

const EVERY_MS = 1000;

/** Something that has a file open for as long as it runs. */
export interface HasFile {
  /** Makes its file anew where it was removed, and says so. Throws where that cannot be. */
  restore(): string | undefined;
}

/** Looks once a second whether files were removed while in use; what is found is logged and told once. Returns the end of it. */
export function watchFiles(
  files: readonly HasFile[],
  log: Log,
  onNotice: (notice: Notice) => void,
): () => void {
  const failures = new Reported<HasFile>();
  const tell = (severity: "warning" | "error", text: string) => {
    log[severity === "warning" ? "warn" : severity](text);
    onNotice({ severity, kind: "file_removed", text, at: new Date() });
  };
  const look = (file: HasFile) => {
    try {
      const text = file.restore();
      failures.ended(file);
      if (text !== undefined) tell("warning", text);
    } catch (error) {
      const { message } = error as Error;
      if (failures.isNew(file, message))
        tell("error", `a file of the bridge was removed and cannot be made anew: ${message}`);
    }
  };
  const timer = setInterval(() => files.forEach(look), EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

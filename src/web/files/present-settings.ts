import type { BridgeSettings } from "../../config/index.ts";
import { Secrets } from "../../log/log.ts";
import { readBridge } from "../../reload/bridge-files.ts";

/**
 * Returns a function that returns the settings as they are in the file at present, whose folders a reload would use; those of the start
 * while the file has an error.
 */
export function presentSettings(started: BridgeSettings): () => BridgeSettings {
  return () => readBridge(started.file, { secrets: new Secrets(), env: process.env }).settings ?? started;
}

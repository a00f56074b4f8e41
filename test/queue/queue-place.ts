import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog } from "../../src/log/log.ts";
import { type DiskQueue, openQueue, type QueueOptions } from "../../src/queue/index.ts";

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "voltbridge-queue-"));
}

export const silent = createLog({ level: "silent" });

/** The queue of a folder, with a small ballast so that opening is quick. */
export function openAt(folder: string, options: Partial<QueueOptions> = {}): Promise<DiskQueue> {
  return openQueue({ file: join(folder, "queue.sqlite"), log: silent, reserveBytes: 256 * 1024, ...options });
}

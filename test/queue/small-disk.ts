import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "./queue-place.ts";

/** Why a disk of its own cannot be had here; undefined where it can. */
export const noSmallDisk: string | undefined = (() => {
  const folder = temporaryFolder();
  const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "voltbridge-test", folder]);
  if (status === 0) execFileSync("umount", [folder]);
  rmSync(folder, { recursive: true });
  return status === 0
    ? undefined
    : `needs the right to mount: ${stderr?.toString().trim() ?? "no mount here"}`;
})();

/** A real file system of a few megabytes, in memory. */
export class SmallDisk {
  readonly folder = temporaryFolder();
  readonly data = join(this.folder, "data");
  readonly #filler = join(this.folder, "filler");

  constructor(bytes: number) {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "voltbridge-test", this.folder]);
    mkdirSync(this.data);
  }

  get free(): number {
    const { bavail, bsize } = statfsSync(this.folder);
    return bavail * bsize;
  }

  /** Takes all that is free but `spare`. */
  fill(spare = 0): void {
    rmSync(this.#filler, { force: true });
    try {
      writeFileSync(this.#filler, Buffer.alloc(Math.max(this.free - spare, 0), 1));
    } catch (error) {
      // Others write to it meanwhile: it is full sooner.
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  }

  empty(): void {
    rmSync(this.#filler, { force: true });
  }

  remove(): void {
    execFileSync("umount", ["-l", this.folder]);
    rmSync(this.folder, { recursive: true });
  }
}

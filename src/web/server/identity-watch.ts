import { readFile } from "node:fs/promises";
import type { Log } from "../../log/log.ts";
import { messageOf } from "../../log/log.ts";
import type { Identity } from "./listener.ts";

/** Interval at which the files are read again, in milliseconds: they may be links that are replaced, which no watch sees. */
const EVERY_MS = 5000;

export interface IdentityFiles {
  readonly cert: string;
  readonly key: string;
}

export async function readIdentity({ cert, key }: IdentityFiles): Promise<Identity> {
  return { cert: await readFile(cert), key: await readFile(key) };
}

/** Follows a certificate and its key while they are used: a renewed pair is taken as soon as both fit each other. */
export class IdentityWatch {
  readonly #timer: NodeJS.Timeout;
  #used: Identity;
  #refused: string | undefined;

  constructor(files: IdentityFiles, used: Identity, change: (identity: Identity) => void, log: Log) {
    this.#used = used;
    this.#timer = setInterval(() => void this.#look(files, change, log), EVERY_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(files: IdentityFiles, change: (identity: Identity) => void, log: Log): Promise<void> {
    try {
      const found = await readIdentity(files);
      if (found.cert.equals(this.#used.cert) && found.key.equals(this.#used.key)) return;
      change(found);
      this.#used = found;
      this.#refused = undefined;
      log.info("the certificate was changed", { cert: files.cert });
    } catch (error) {
      const reason = messageOf(error);
      if (reason === this.#refused) return;
      this.#refused = reason;
      log.warn(
        `the certificate that is used stays: ${files.cert} and ${files.key} cannot be used: ${reason}`,
      );
    }
  }
}

import { readFile } from "node:fs/promises";
import { messageOf } from "../../log/log.ts";
import type { Notices } from "../../log/notices.ts";
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
  readonly #files: IdentityFiles;
  readonly #change: (identity: Identity) => void;
  readonly #notices: Notices;
  readonly #timer: NodeJS.Timeout;
  #used: Identity;

  /** `change` throws where a pair cannot be used. */
  constructor(files: IdentityFiles, used: Identity, change: (identity: Identity) => void, notices: Notices) {
    this.#files = files;
    this.#used = used;
    this.#change = change;
    this.#notices = notices;
    this.#timer = setInterval(() => void this.#look(), EVERY_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const { cert, key } = this.#files;
    try {
      const found = await readIdentity(this.#files);
      if (found.cert.equals(this.#used.cert) && found.key.equals(this.#used.key)) return;
      this.#change(found);
      this.#used = found;
      this.#notices.say("info", "certificate_changed", `the certificate of ${cert} is used from now on`);
    } catch (error) {
      const text = `the certificate that is used stays: ${cert} and ${key} cannot be used: ${messageOf(error)}`;
      this.#notices.say("warning", "certificate_refused", text);
    }
  }
}

import { readFileSync, renameSync, writeFileSync } from "node:fs";

/** What a session that the broker keeps is subscribed to; the broker itself cannot be asked. */
export interface KeptSession {
  /** URL and client id: another one is another session. */
  readonly session: string;
  readonly filters: readonly string[];
}

/** Remembers the subscriptions of a session in a file, over restarts. */
export class IntakeFilters {
  readonly #file: string;
  readonly #session: string;

  constructor(file: string, session: string) {
    this.#file = file;
    this.#session = session;
  }

  /** Nothing where the file is not there, is damaged, or tells of another session: then all are subscribed anew. */
  read(): readonly string[] {
    try {
      const kept = JSON.parse(readFileSync(this.#file, "utf8")) as Partial<KeptSession>;
      return kept.session === this.#session && Array.isArray(kept.filters) ? kept.filters : [];
    } catch {
      return [];
    }
  }

  write(filters: readonly string[]): void {
    const kept: KeptSession = { session: this.#session, filters };
    writeFileSync(`${this.#file}.new`, `${JSON.stringify(kept)}\n`, { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
  }
}

import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Notice } from "../../bus.ts";
import type { HistorianSettings } from "../../config/index.ts";
import type { Log } from "../../log/log.ts";
import { type NewRecord, openQueue, QueueError } from "../../queue/index.ts";
import type { Sample } from "../contract.ts";
import type { SetAside } from "../ingest/index.ts";
import type { Historian } from "../query/historian.ts";
import type { Loss } from "../record/losses.ts";
import type { DeliveryCounters } from "./index.ts";
import { recordsOf } from "./sample-record.ts";
import { WrittenStore } from "./written-store.ts";

export interface ArchiveOptions {
  /** Folder of the spools, used by one process only. Default: the data folder. */
  readonly spoolFolder?: string;
  readonly log: Log;
  /** Called for each notice to operators, after it was logged. */
  readonly onNotice: (notice: Notice) => void;
}

/** Counters of the main store, and of the stores of `historian.also` by name. */
export interface ArchiveCounters extends DeliveryCounters {
  readonly also?: Readonly<Record<string, DeliveryCounters>>;
}

/** Opens one store for writing. */
export type OpenStore = (
  settings: HistorianSettings,
  parts: { readonly log: Log; readonly onNotice: (notice: Notice) => void },
) => Promise<Historian>;

/** Name of a spool file: `spool.sqlite` of the main store, `spool-<name>.sqlite` of one of `historian.also`. */
export function spoolFile(name?: string): string {
  return name === undefined ? "spool.sqlite" : `spool-${name}.sqlite`;
}

/** Returns the names of the stores of `historian.also` that have a spool in a folder. */
export function spoolNames(folder: string): string[] {
  return readdirSync(folder).flatMap((file) => /^spool-([\w-]+)\.sqlite$/.exec(file)?.[1] ?? []);
}

/** All stores that are written to. Each has a spool of its own, so that one that is away does not delay the others. */
export class Archive {
  readonly #main: WrittenStore;
  readonly #also: ReadonlyMap<string, WrittenStore>;
  readonly #all: readonly WrittenStore[];

  private constructor(main: WrittenStore, also: ReadonlyMap<string, WrittenStore>) {
    this.#main = main;
    this.#also = also;
    this.#all = [main, ...also.values()];
  }

  /**
   * Opens the spools and starts delivering what they hold; no store need be reachable.
   * @throws {HistorianError} for invalid settings.
   * @throws {QueueError} when a spool cannot be opened.
   */
  static async open(
    settings: HistorianSettings,
    options: ArchiveOptions & { readonly spoolFolder: string },
    openStore: OpenStore,
  ): Promise<Archive> {
    const { spoolFolder } = options;
    const opened: WrittenStore[] = [];
    const open = async (own: HistorianSettings, name?: string): Promise<WrittenStore> => {
      const parts = partsOf(options, name);
      const historian = await openStore(own, parts);
      try {
        const file = join(spoolFolder, spoolFile(name));
        const store = await WrittenStore.open(historian, own, { spoolFile: file, ...parts });
        opened.push(store);
        return store;
      } catch (error) {
        await historian.close();
        throw error;
      }
    };
    try {
      const main = await open(settings);
      const also = new Map<string, WrittenStore>();
      for (const { name, ...own } of settings.also.map(named))
        also.set(name, await open({ ...settings, ...own }, name));
      await reportLeftSpools(spoolFolder, also, partsOf(options));
      return new Archive(main, also);
    } catch (error) {
      await Promise.all(opened.map((store) => store.stop()));
      throw error;
    }
  }

  /** Answers queries, from the main store. */
  get historian(): Historian {
    return this.#main.historian;
  }

  /**
   * Accepts samples of one `key` (a device's path, a topic). Resolves with true once they are on disk for every store, where they
   * survive a crash; with false when there was no space for one, and they are counted as dropped there. Samples of one call stay
   * together. `observedAt`: time of the observation, where it differs from the samples' own time.
   * @throws {TypeError} for a value that JSON cannot represent. Rejects otherwise only after {@link stop}.
   */
  async accept(samples: Iterable<Sample>, key: string, observedAt?: Date): Promise<boolean> {
    return await this.#append(recordsOf(samples, key, observedAt));
  }

  /** Keeps samples as dead letters of every store. Otherwise as {@link accept}. */
  async setAside(samples: Iterable<Sample>, key: string, why: SetAside, arrivedAt: Date): Promise<boolean> {
    return await this.#append(recordsOf(samples, key, arrivedAt, why));
  }

  async #append(records: readonly NewRecord[]): Promise<boolean> {
    if (this.#also.size === 0) return await this.#main.append(records);
    const accepted = await Promise.all(this.#all.map((store) => store.append(records)));
    return !accepted.includes(false);
  }

  get counters(): ArchiveCounters {
    const also = [...this.#also].map(([name, store]) => [name, store.counters] as const);
    return { ...this.#main.counters, ...(also.length > 0 && { also: Object.fromEntries(also) }) };
  }

  /** Whether a store takes no values now. */
  get isFailing(): boolean {
    return this.#all.some((store) => store.counters.failing !== undefined);
  }

  /** Returns the accepted values that will not be stored, since the previous call. */
  takeLosses(): Loss[] {
    const others = [...this.#also].flatMap(([store, one]) =>
      one.takeLosses().map((loss) => ({ ...loss, store })),
    );
    return [...this.#main.takeLosses(), ...others];
  }

  /** Delivers waiting samples for at most 4 s while the stores accept them; the rest stays on disk. Then closes everything. */
  async stop(): Promise<void> {
    await Promise.all(this.#all.map((store) => store.stop()));
  }
}

/** Returns an entry of `historian.also` with its name and its own limits: those of the main store do not apply to it. */
function named({ name, ...entry }: HistorianSettings["also"][number]) {
  const { historyLimitDays, storageLimitGb, backupStorageLimitGb } = entry;
  return { ...entry, name: name ?? entry.backend, historyLimitDays, storageLimitGb, backupStorageLimitGb };
}

/** Returns the log and the notices of a store. */
function partsOf({ log, onNotice }: ArchiveOptions, name?: string): Pick<ArchiveOptions, "log" | "onNotice"> {
  if (name === undefined) return { log: log.part("historian"), onNotice };
  return {
    log: log.part(`historian/${name}`),
    onNotice: (notice) => onNotice({ ...notice, text: `store "${name}" of historian.also: ${notice.text}` }),
  };
}

/** Reports spools of stores that are not in `historian.also` any more. */
async function reportLeftSpools(
  folder: string,
  stores: ReadonlyMap<string, unknown>,
  { log, onNotice }: Pick<ArchiveOptions, "log" | "onNotice">,
): Promise<void> {
  for (const name of spoolNames(folder).filter((one) => !stores.has(one))) {
    const file = join(folder, spoolFile(name));
    const text = `${file} is the spool of a store "${name}" that is not in historian.also any more; ${await contentOf(file, log)}`;
    log.warn(text, { kind: "spool_left" });
    onNotice({ severity: "warning", kind: "spool_left", text, at: new Date() });
  }
}

/** Describes what a spool holds, and what to do with it. */
async function contentOf(file: string, log: Log): Promise<string> {
  try {
    const queue = await openQueue({ file, log });
    const { waiting, deadLettered } = await queue.counters();
    await queue.close();
    const dead = Object.values(deadLettered).reduce((sum, count) => sum + count, 0);
    return waiting + dead === 0
      ? "it is empty; delete it"
      : `it holds ${waiting} waiting values and ${dead} in dead letters: add the store again to store them, or delete the file`;
  } catch (error) {
    if (error instanceof QueueError)
      return `it cannot be read (${error.message}); delete it when it is not needed`;
    throw error;
  }
}

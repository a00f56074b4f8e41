import { join } from "node:path";
import type { Notice } from "../../bus.ts";
import type { HistorianSettings } from "../../config/index.ts";
import type { Log } from "../../log/log.ts";
import { type DiskQueue, openQueue } from "../../queue/index.ts";
import type { Sample } from "../contract.ts";
import type { Historian } from "../query/historian.ts";
import { type Loss, LossWatch } from "../record/losses.ts";
import { Delivery, type DeliveryCounters } from "./index.ts";
import { RetentionKeeper } from "./retention.ts";

export interface ArchiveOptions {
  /** Folder of `spool.sqlite`, used by one process only. Default: the data folder. */
  readonly spoolFolder?: string;
  readonly log: Log;
  /** Called for each notice to operators, after it was logged. */
  readonly onNotice: (notice: Notice) => void;
}

/** VOLTTRON's gigabyte. */
const GIGABYTE = 1024 ** 3;

/**
 * A store that is written to: accepted samples are on disk, and their delivery to the store is retried until it succeeds. The oldest
 * samples are removed from the store by age and size.
 */
export class Archive {
  /** Answers queries. */
  readonly historian: Historian;
  readonly #queue: DiskQueue;
  readonly #delivery: Delivery;
  readonly #retention: RetentionKeeper;
  readonly #losses: LossWatch;

  private constructor(
    historian: Historian,
    queue: DiskQueue,
    delivery: Delivery,
    retention: RetentionKeeper,
  ) {
    this.historian = historian;
    this.#queue = queue;
    this.#delivery = delivery;
    this.#retention = retention;
    this.#losses = new LossWatch(queue.latest, Date.now());
  }

  /**
   * Opens `spool.sqlite` and starts delivering what it holds; the store need not be reachable. The archive closes the historian.
   * @throws {QueueError} when the spool cannot be opened.
   */
  static async open(
    historian: Historian,
    settings: HistorianSettings,
    { log, onNotice, spoolFolder }: ArchiveOptions & { readonly spoolFolder: string },
  ): Promise<Archive> {
    const limit = settings.backupStorageLimitGb;
    let delivery: Delivery | undefined;
    const queue = await openQueue({
      file: join(spoolFolder, "spool.sqlite"),
      log,
      ...(limit !== undefined && { limitBytes: limit * GIGABYTE }),
      reportShare: settings.backupStorageReport,
      onNotice: (notice) => onNotice({ ...notice, at: new Date() }),
      onRecords: () => delivery?.checkSpool(),
    });
    const parts = { backend: historian.backend, settings, log, onNotice };
    delivery = new Delivery({ ...parts, queue });
    const retention = new RetentionKeeper(parts);
    delivery.start();
    retention.start();
    return new Archive(historian, queue, delivery, retention);
  }

  /**
   * Accepts samples of one `key` (a device's path, a topic). Resolves with true once they are on disk, where they survive a crash;
   * with false when there was no space, and they are counted as dropped. Samples of one call stay together.
   * `observedAt`: time of the observation, where it differs from the samples' own time.
   * @throws {TypeError} for a value that JSON cannot represent. Rejects otherwise only after {@link stop}.
   */
  async accept(samples: Iterable<Sample>, key: string, observedAt?: Date): Promise<boolean> {
    return await this.#delivery.accept(samples, key, observedAt);
  }

  get counters(): DeliveryCounters {
    return this.#delivery.counters;
  }

  /** Returns the accepted values that will not be stored, since the previous call. */
  takeLosses(): Loss[] {
    return [...this.#losses.findLosses(this.#queue.latest, Date.now()), ...this.#delivery.takeDeadLetters()];
  }

  /** Delivers waiting samples for at most 5 s while the store accepts them; the rest stays on disk. Then closes everything. */
  async stop(): Promise<void> {
    await this.#retention.stop();
    await this.#delivery.stop();
    await this.historian.close();
    await this.#queue.close();
  }
}

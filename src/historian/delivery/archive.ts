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
  /** Where `spool.sqlite` lies; one process a folder. Default: the data folder. */
  readonly spoolFolder?: string;
  readonly log: Log;
  /** What operators should hear; it is in the log already. */
  readonly onNotice: (notice: Notice) => void;
}

/** VOLTTRON's gigabyte. */
const GIGABYTE = 1024 ** 3;

/** A store that is written to: samples are on disk when they are accepted, and are brought to the store until they are there. The oldest of the store go by age and size. */
export class Archive {
  /** For questions. */
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
   * Opens `spool.sqlite` and begins with what waits in it. The store need not be there. The archive closes the
   * historian. Rejects with a QueueError where the spool cannot be opened.
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
      onRecords: () => delivery?.look(),
    });
    const parts = { backend: historian.backend, settings, log, onNotice };
    delivery = new Delivery({ ...parts, queue });
    const retention = new RetentionKeeper(parts);
    delivery.start();
    retention.start();
    return new Archive(historian, queue, delivery, retention);
  }

  /**
   * Accepts samples; `key` says what they are about (a device's path, a topic). Resolves once they are on disk: true, and they
   * survive a crash; false where there was no room for them, and they are counted as dropped. Samples of one call stay together.
   * `saidAt`: when they were said, where their own time is another. Rejects only after {@link stop}, and with a TypeError for a
   * value that JSON cannot carry.
   */
  async accept(samples: Iterable<Sample>, key: string, saidAt?: Date): Promise<boolean> {
    return await this.#delivery.accept(samples, key, saidAt);
  }

  get counters(): DeliveryCounters {
    return this.#delivery.counters;
  }

  /** What was accepted and will not be stored, since it was asked last. */
  takeLosses(): Loss[] {
    return [...this.#losses.look(this.#queue.latest, Date.now()), ...this.#delivery.takeSetAside()];
  }

  /** Stores what waits, for 5 s at most and as long as the store takes it; the rest stays on disk. Then closes everything. */
  async stop(): Promise<void> {
    await this.#retention.stop();
    await this.#delivery.stop();
    await this.historian.close();
    await this.#queue.close();
  }
}

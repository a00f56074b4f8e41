import type { Notice } from "../../bus.ts";
import type { HistorianSettings } from "../../config/index.ts";
import type { Log } from "../../log/log.ts";
import { type DiskQueue, type NewRecord, openQueue } from "../../queue/index.ts";
import type { Historian } from "../query/historian.ts";
import { type Loss, LossWatch } from "../record/losses.ts";
import { Delivery, type DeliveryCounters } from "./index.ts";
import { RetentionKeeper } from "./retention.ts";
import { UpkeepKeeper } from "./upkeep.ts";

interface Parts {
  readonly spoolFile: string;
  readonly log: Log;
  readonly onNotice: (notice: Notice) => void;
}

/** VOLTTRON's gigabyte. */
const GIGABYTE = 1024 ** 3;

/**
 * A store that is written to: accepted samples are on disk, and their delivery to the store is retried until it succeeds. The oldest
 * samples are removed from the store by age and size, and the store does its own work piece by piece.
 */
export class WrittenStore {
  /** Answers queries. */
  readonly historian: Historian;
  readonly #queue: DiskQueue;
  readonly #delivery: Delivery;
  readonly #retention: RetentionKeeper;
  readonly #upkeep: UpkeepKeeper;
  readonly #losses: LossWatch;

  private constructor(
    historian: Historian,
    queue: DiskQueue,
    delivery: Delivery,
    retention: RetentionKeeper,
    upkeep: UpkeepKeeper,
  ) {
    this.historian = historian;
    this.#queue = queue;
    this.#delivery = delivery;
    this.#retention = retention;
    this.#upkeep = upkeep;
    this.#losses = new LossWatch(queue.latest, Date.now());
  }

  /**
   * Opens the spool and starts delivering what it holds; the store need not be reachable. {@link stop} closes the historian.
   * @throws {QueueError} when the spool cannot be opened.
   */
  static async open(
    historian: Historian,
    settings: HistorianSettings,
    { log, onNotice, spoolFile }: Parts,
  ): Promise<WrittenStore> {
    const limit = settings.backupStorageLimitGb;
    let delivery: Delivery | undefined;
    const queue = await openQueue({
      file: spoolFile,
      log,
      ...(limit !== undefined && { limitBytes: limit * GIGABYTE }),
      reportShare: settings.backupStorageReport,
      onNotice: (notice) => onNotice({ ...notice, at: new Date() }),
      onRecords: () => delivery?.checkSpool(),
    });
    const parts = { backend: historian.backend, settings, log, onNotice };
    delivery = new Delivery({ ...parts, queue });
    const retention = new RetentionKeeper(parts);
    const upkeep = new UpkeepKeeper(parts);
    delivery.start();
    retention.start();
    upkeep.start();
    return new WrittenStore(historian, queue, delivery, retention, upkeep);
  }

  /** Resolves with true once the records are on disk, with false when there was no space. Rejects only after {@link stop}. */
  async append(records: readonly NewRecord[]): Promise<boolean> {
    return await this.#delivery.append(records);
  }

  get counters(): DeliveryCounters {
    return this.#delivery.counters;
  }

  /** Returns the accepted values that will not be stored, since the previous call. */
  takeLosses(): Loss[] {
    return [...this.#losses.findLosses(this.#queue.latest, Date.now()), ...this.#delivery.takeDeadLetters()];
  }

  /** Delivers waiting samples for at most 4 s while the store accepts them; the rest stays on disk. Then closes everything. */
  async stop(): Promise<void> {
    await this.#retention.stop();
    await this.#delivery.stop();
    await this.#upkeep.stop();
    await this.historian.close();
    await this.#queue.close();
  }
}

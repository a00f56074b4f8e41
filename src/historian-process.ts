import { join } from "node:path";
import { Bus } from "./bus.ts";
import type { BridgeSettings } from "./config/index.ts";
import { DataLock, watchFiles } from "./devices/index.ts";
import { MessageRecorder, openArchive } from "./historian/index.ts";
import type { Log, Secrets } from "./log/log.ts";
import { brokerUrl, Intake, type IntakeStatus, startIntakeStatus } from "./mqtt/index.ts";
import type { Condition } from "./service/condition.ts";

export interface HistorianProcessOptions {
  readonly settings: BridgeSettings;
  /** A topic level: its own topics are `voltbridge/<instance>/<name>/…`, its folder is `<data>/<name>`. */
  readonly name: string;
  /** Client id of the session at the broker. Default: `<instance>-<name>`. */
  readonly clientId?: string;
  /** Group of historians that share the messages. */
  readonly share?: string;
  readonly log: Log;
  readonly secrets: Secrets;
  readonly version: string;
}

export interface HistorianProcess {
  /** URL of the broker without user and password. */
  readonly url: string;
  /** Folder of its lock and spool. */
  readonly folder: string;
  /** Returns what an operator should know of it at this moment. */
  condition(): Condition;
  /** Stops receiving, delivers what the store accepts, publishes `offline`, and unlocks its folder, within ten seconds unless the disk hangs. */
  stop(): Promise<void>;
}

/**
 * Starts a separate historian: messages of a broker are committed to the spool, acknowledged, and delivered to the store. Rejects for
 * settings that cannot work (folder in use, no store, nothing to capture); nothing then keeps running. An unavailable broker or store is
 * no error: both are retried until the stop.
 */
export async function startHistorianProcess(options: HistorianProcessOptions): Promise<HistorianProcess> {
  const { settings, name, log, secrets, version } = options;
  const { historian: history, mqtt, instance } = settings;
  if (history.readonly)
    throw new Error("historian.readonly is true: nothing would be stored; set it to false");
  const folder = join(settings.data, name);
  const undo: (() => unknown)[] = [];
  let started = false;
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const lock = DataLock.take(folder);
    undo.push(() => (started ? lock.release() : lock.withdraw()));
    const bus = new Bus((event, err) => log.error(`a listener of ${event} failed`, { err }));
    undo.push(watchFiles([lock], log, (notice) => bus.emit("notice", notice)));
    // The store has the same path as the bridge's, so that `voltbridge history` reads it with the same config.
    const archive = await openArchive(history, settings.data, {
      spoolFolder: folder,
      onNotice: (notice) => bus.emit("notice", notice),
      log,
    });
    let status: IntakeStatus | undefined;
    // A broker and a store that do not answer would take the time of both.
    undo.push(() => Promise.all([status?.stop(), archive.stop()]));

    const recorder = new MessageRecorder({
      settings: history,
      baseTopic: mqtt.baseTopic,
      sink: archive,
      log: log.part("historian"),
    });
    if (recorder.filters.length === 0)
      throw new Error(
        "there is nothing to capture: every capture setting of the historian section is false; set one to true",
      );
    status = await startIntakeStatus({
      settings: mqtt,
      name: `${instance}/${name}`,
      version,
      bus,
      health: () => ({
        ...((!intake.listening || archive.isFailing) && { status: "BAD" }),
        intake: { listening: intake.listening, ...recorder.counters },
        historian: archive.counters,
      }),
      log: log.part("mqtt"),
      secrets,
    });
    const intake = new Intake({
      address: mqtt,
      keepaliveSeconds: mqtt.keepaliveSeconds,
      clientId: options.clientId ?? `${instance}-${name}`,
      filters: recorder.filters,
      ...(options.share !== undefined && { share: { group: options.share, probeTopic: status.probeTopic } }),
      file: join(folder, "intake.json"),
      take: (message) => recorder.record(message),
      onChange: () => status?.republish(),
      log: log.part("intake"),
    });
    undo.push(() => intake.stop());
    intake.start();
    started = true;
    const url = brokerUrl(mqtt);
    const condition = (): Condition => ({
      broker: { url, connected: intake.listening, waiting: 0 },
      store: { backend: history.backend, ...archive.counters },
    });
    return { url, folder, condition, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

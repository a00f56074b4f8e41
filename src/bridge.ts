import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Bus } from "./bus.ts";
import type { BridgeSettings, Diagnostic } from "./config/index.ts";
import {
  DataLock,
  type LoadedDevice,
  logWrites,
  openDevices,
  type RunningDevices,
  StateStore,
  watchFiles,
} from "./devices/index.ts";
import { type Archive, openArchive, openHistorian, Recorder } from "./historian/index.ts";
import { SiteLimits } from "./limits/index.ts";
import type { Log, Secrets } from "./log/log.ts";
import { type Mqtt, startMqtt } from "./mqtt/index.ts";
import { openQueue } from "./queue/index.ts";
import { ContinuousSync, createSessionDatabase, type SessionAccount } from "./sessions/index.ts";

export interface BridgeOptions {
  readonly settings: BridgeSettings;
  readonly devices: readonly LoadedDevice[];
  readonly log: Log;
  readonly secrets: Secrets;
  readonly version: string;
  /** Takes over from a bridge of the same instance name that runs already. */
  readonly force?: boolean;
  /** Problems that only the drivers see in configs and registries, and how many devices can run; told before any does. What it throws ends the start. */
  readonly onDiagnostics: (diagnostics: readonly Diagnostic[], devices: number) => void;
}

export interface Bridge {
  readonly bus: Bus;
  readonly devices: RunningDevices;
  readonly mqtt: Mqtt;
  /** Ends commands and calls under way, writes what waits, says `offline`, lets the data folder go. */
  stop(): Promise<void>;
}

/**
 * Builds the parts, wires them to the bus and starts them, each after what it needs. Rejects where the settings cannot
 * work (data folder in use, embedded port taken, unknown backend), with nothing left running and no data folder that was not there before. A broker, a store or a
 * charging network that is away is no error: it is tried until the stop.
 */
export async function startBridge(options: BridgeOptions): Promise<Bridge> {
  const { settings, log, secrets, version } = options;
  const undo: (() => void | Promise<void>)[] = [];
  let devices: RunningDevices | undefined;
  let started = false;
  let limits: SiteLimits | undefined;
  let unfollow: (() => void) | undefined;
  const stop = async () => {
    unfollow?.();
    limits?.stop();
    // Before the rest, so that what the devices still say is published and stored.
    await devices?.stop();
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const lock = DataLock.take(settings.data);
    undo.push(() => (started ? lock.release() : lock.withdraw()));
    const state = StateStore.open(join(settings.data, "state.sqlite"));
    undo.push(() => state.close());

    const bus = new Bus((event, err) => log.error(`a listener of ${event} failed`, { err }));
    undo.push(logWrites(bus, log));
    undo.push(watchFiles([lock, state], log, (notice) => bus.emit("notice", notice)));
    const running = openDevices({ devices: options.devices, settings, bus, log, state });
    devices = running;
    options.onDiagnostics(running.diagnostics, running.infos.length);
    // Making devices of very many points takes long, and so does opening the store.
    await nextTurn();

    limits = new SiteLimits({
      groups: settings.limits,
      bus,
      commands: running.commands,
      devices: running.byPath,
      state,
      log,
      maxCommandAgeSeconds: settings.actuator.maxCommandAgeSeconds,
      readOnly: settings.readOnly,
    });
    const archive = await startRecorder(options, bus, undo);
    const outbox = await openQueue({
      file: join(settings.data, "outbox.sqlite"),
      limitBytes: settings.mqtt.outboxLimitMb * 1024 * 1024,
      log: log.part("outbox"),
      onNotice: (notice) => bus.emit("notice", { ...notice, at: new Date() }),
    });
    undo.push(() => outbox.close());
    const mqtt = await startMqtt({
      settings: settings.mqtt,
      instance: settings.instance,
      version,
      force: options.force ?? false,
      bus,
      devices: running.byPath,
      commands: running.commands,
      control: { ...running.control, limiting: limits },
      requester: settings.actuator.requester,
      outbox,
      retained: state.namespace("retained topics"),
      log,
      secrets,
      health: () => ({
        ...running.counters(),
        eventLoopDelayMs: running.takeLoopDelay(),
        ...(archive && { historian: archive.counters }),
      }),
    });
    undo.push(() => mqtt.stop());
    await mqtt.role.decided;
    running.start({ active: mqtt.role.isActive });
    // After the holds were taken up, and before the first scrape can come.
    if (mqtt.role.isActive) limits.start();
    unfollow = mqtt.role.onChange((isActive) => {
      if (isActive) {
        running.activate();
        limits?.start();
      } else {
        limits?.stop();
        running.passivate();
      }
    });
    startSessions(options, running, mqtt, undo);
    started = true;
    return { bus, devices: running, mqtt, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startRecorder(
  { settings, log, version }: BridgeOptions,
  bus: Bus,
  undo: (() => void | Promise<void>)[],
): Promise<Archive | undefined> {
  const { historian, data, instance } = settings;
  if (historian.backend === "none") return undefined;
  if (historian.readonly) {
    // Nothing is recorded; what cannot be read is better known now.
    const opened = await openHistorian(historian, data, { log });
    await opened.close();
    return undefined;
  }
  const archive = await openArchive(historian, data, {
    onNotice: (notice) => bus.emit("notice", notice),
    log,
  });
  undo.push(() => archive.stop());
  const recorder = new Recorder({ bus, sink: archive, settings: historian, instance, version, log });
  undo.push(() => recorder.stop());
  recorder.start();
  return archive;
}

/** Reads charging sessions into their tables, where the settings want that. A database that is away is tried until the stop. */
function startSessions(
  { settings: { sessions, data }, log }: BridgeOptions,
  devices: RunningDevices,
  mqtt: Mqtt,
  undo: (() => void | Promise<void>)[],
): void {
  if (!sessions.enabled) return;
  const { backend, connection } = sessions;
  const database = createSessionDatabase({ backend, connection, dataFolder: data, readonly: false });
  undo.push(() => database.close());
  const reading = new ContinuousSync({
    // What these accounts call with is the ChargePoint driver's.
    accounts: () => devices.accounts("chargepoint") as readonly SessionAccount[],
    database,
    settings: sessions,
    ...(sessions.publish && { outlet: mqtt.sessions }),
    log: log.part("sessions"),
  });
  undo.push(() => reading.stop());
  reading.start();
}

import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Alerts } from "./alerts/alerts.ts";
import { Bus } from "./bus.ts";
import { type EstateStatus, estateStatus } from "./cluster/status.ts";
import type { BridgeSettings, Diagnostic } from "./config/index.ts";
import type { Limiting } from "./devices/commands.ts";
import {
  DataLock,
  driverDiagnostics,
  type LoadedDevice,
  logWrites,
  openDevices,
  type RunningDevices,
  StateStore,
  watchFiles,
} from "./devices/index.ts";
import { Estate } from "./estate.ts";
import {
  type Archive,
  type Historian,
  HistoryService,
  openArchive,
  openHistorian,
  Recorder,
} from "./historian/index.ts";
import { Integrations } from "./integrations/index.ts";
import { SiteLimits } from "./limits/index.ts";
import type { Log, Secrets } from "./log/log.ts";
import { Notices } from "./log/notices.ts";
import type { RunningMetrics, StartOptions } from "./metrics/index.ts";
import { type Mqtt, startMqtt } from "./mqtt/index.ts";
import { openQueue } from "./queue/index.ts";
import { FolderWatch } from "./reload/folder-watch.ts";
import { type LoadedConfigs, Reloader, type ReloaderOptions } from "./reload/reloader.ts";
import type { Condition } from "./service/condition.ts";
import {
  ContinuousSync,
  createSessionDatabase,
  type SessionAccount,
  SessionReader,
} from "./sessions/index.ts";
import { systemClock } from "./time/clock.ts";
import { untilAborted } from "./time/until-aborted.ts";
import type { Web, WebOptions } from "./web/index.ts";

/** What is undone at a stop, in reverse order. */
type Undo = (() => void | Promise<void>)[];

async function undoAll(steps: Undo): Promise<void> {
  for (const step of steps.splice(0).reverse()) await step();
}

export interface BridgeOptions {
  readonly settings: BridgeSettings;
  readonly devices: readonly LoadedDevice[];
  /** The files of both, and how to load them again while running. Absent: they are not loaded again. */
  readonly files?: { readonly loaded: LoadedConfigs; readonly load: () => Promise<LoadedConfigs> };
  readonly log: Log;
  readonly secrets: Secrets;
  readonly version: string;
  /** Whether to take over from a running bridge with the same instance name. */
  readonly force?: boolean;
  /** What everybody on this machine may do over HTTP where there are no users. Default: view. */
  readonly guestRole?: "view" | "operate";
  /** Aborts the start, which then rejects; nothing keeps running. */
  readonly signal?: AbortSignal;
  /** Called before devices start, with the problems that drivers found in configs and registries and the number of valid devices. If it throws, the start fails. */
  readonly onDiagnostics: (diagnostics: readonly Diagnostic[], devices: number) => void;
}

export interface Bridge {
  readonly bus: Bus;
  readonly devices: RunningDevices;
  readonly mqtt: Mqtt;
  /** Absent: the files are not loaded again. */
  readonly reloader: Reloader | undefined;
  /** Absent: it is switched off. */
  readonly web: Web | undefined;
  /** Returns what an operator should know of it at this moment. */
  condition(): Condition;
  /** Ends current commands and calls, writes waiting data, publishes `offline`, and unlocks the data folder, within ten seconds unless the disk hangs. */
  stop(): Promise<void>;
}

/**
 * Creates the parts, connects them to the bus and starts each after its dependencies. Rejects for settings that cannot work (data folder
 * in use, embedded port taken, unknown backend); nothing then keeps running, and a data folder created for it is removed. An
 * unavailable broker, store or charging network is no error: it is retried until the stop.
 */
export async function startBridge(options: BridgeOptions): Promise<Bridge> {
  const { settings, log, secrets, version } = options;
  const { signal = new AbortController().signal } = options;
  const undo: Undo = [];
  /** What takes its time at a stop: the broker, the store, and those who read pages. */
  const outlets = { broker: [] as Undo, store: [] as Undo, readers: [] as Undo };
  let devices: RunningDevices | undefined;
  let started = false;
  let estate: Estate | undefined;
  /** Where there is no estate; its shards have their own. */
  let limits: SiteLimits | undefined;
  let alerts: Alerts | undefined;
  let unfollow: (() => void) | undefined;
  let sessions: ReturnType<typeof startSessions>;
  const stop = async () => {
    unfollow?.();
    limits?.stop();
    // Devices stop before what publishes and stores their last values. Reading sessions ends at once, before the accounts close.
    await Promise.all([sessions?.sync.stop(), estate?.stop(), devices?.stop()]);
    // None waits for another: a broker and a store that do not answer would take the time of both.
    await Promise.all(Object.values(outlets).map(undoAll));
    await undoAll(undo);
  };
  try {
    const lock = DataLock.take(settings.data);
    undo.push(() => (started ? lock.release() : lock.withdraw()));
    const state = StateStore.open(join(settings.data, "state.sqlite"));
    undo.push(() => state.close());

    const bus = new Bus((event, err) => log.error(`a listener of ${event} failed`, { err }));
    undo.push(logWrites(bus, log));
    undo.push(watchFiles([lock, state], log, (notice) => bus.emit("notice", notice)));
    if (settings.cluster.backend !== "none")
      estate = new Estate({ settings, devices: options.devices, version, bus, state, log });
    const running = estate?.devices ?? openDevices({ devices: options.devices, settings, bus, log, state });
    devices = running;
    if (estate) options.onDiagnostics(driverDiagnostics(options.devices, settings), options.devices.length);
    else options.onDiagnostics(running.diagnostics, running.infos.length);
    // Creating devices with very many points and opening the store both take long.
    await nextTurn();
    signal.throwIfAborted();

    if (!estate)
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
    const limiting: Limiting = estate?.limiting ?? limits!;
    let isActive = () => false;
    let web: Web | undefined;
    let integrations: Integrations | undefined;
    const reloader =
      options.files &&
      createReloader(
        options.files,
        {
          ...{ options, bus, running, estate },
          isActive: () => isActive(),
          changeSettings(sections, changed) {
            if (sections.includes("limits"))
              estate ? estate.changeLimits(changed.limits) : limits?.change(changed.limits);
            if (sections.includes("web")) web?.change(changed.web);
            if (sections.includes("alerts") || sections.includes("mail"))
              alerts?.change(changed.alerts, changed.mail);
            if (sections.includes("integrations")) integrations?.change(changed.integrations);
          },
        },
        undo,
      );
    const archive = await startRecorder(options, bus, outlets.store);
    const store = archive?.historian ?? (await openForReading(options, outlets.store));
    signal.throwIfAborted();
    const outbox = await openQueue({
      file: join(settings.data, "outbox.sqlite"),
      limitBytes: settings.mqtt.outboxLimitMb * 1024 * 1024,
      log: log.part("outbox"),
      onNotice: (notice) => bus.emit("notice", { ...notice, at: new Date() }),
    });
    outlets.broker.push(() => outbox.close());
    signal.throwIfAborted();
    const history =
      store && new HistoryService({ historian: store, sink: archive, settings: settings.historian, version });
    const mqtt = await startMqtt({
      settings: settings.mqtt,
      instance: settings.instance,
      version,
      force: options.force ?? false,
      bus,
      devices: running.byPath,
      commands: running.commands,
      control: {
        ...running.control,
        ...{ limiting, reloading: reloader, history },
      },
      estate: estate && {
        member: estate.id,
        maxCommandAgeSeconds: settings.actuator.maxCommandAgeSeconds,
        isKnown: (path) => estate!.isKnown(path),
      },
      requester: settings.actuator.requester,
      outbox,
      retained: state.namespace("retained topics"),
      waitingAlarms: state.namespace("alarms to publish"),
      log,
      secrets,
      health: () => ({
        ...running.counters(),
        eventLoopDelayMs: running.loopDelay(),
        ...(archive && { historian: archive.counters }),
        ...(reloader && { config: reloader.health }),
        ...(integrations && { integrations: integrations.counters }),
        ...(alerts?.counters && { alerts: alerts.counters }),
      }),
    });
    outlets.broker.push(async () => {
      const integrated = integrations?.stop();
      // They are clients of an embedded broker, which stops with the rest of MQTT.
      if (settings.mqtt.embedded) await integrated;
      await Promise.all([integrated, mqtt.stop()]);
    });
    alerts = new Alerts({
      ...{ settings: settings.alerts, mail: settings.mail, backend: settings.historian.backend },
      ...{ instance: settings.instance, version, mqtt, archive, limits: limiting, devices: running },
      ...{ bus, state, log, secrets, clock: systemClock },
    });
    outlets.broker.push(() => alerts?.stop());
    integrations = new Integrations(settings.integrations, {
      ...{ instance: settings.instance, version, mqtt: settings.mqtt, bus, state, log },
      ...{ address: mqtt.address, topics: mqtt.topics, devices: running, clock: systemClock },
      lifetimeEnergy: (stationID) => sessions?.sync.energiesOf(stationID) ?? [],
      notices: new Notices(bus, log.part("integrations"), systemClock),
    });
    isActive = () => mqtt.role.isActive;
    await untilAborted(mqtt.role.decided, signal);
    if (estate)
      estate.start({
        mqtt,
        control: { reloading: reloader, history },
        applyFiles: async () => reloader?.filesChanged(),
      });
    else running.start({ active: mqtt.role.isActive });
    // After the stored limits were loaded, and before the first scrape.
    if (mqtt.role.isActive) {
      limits?.start();
      alerts.start();
      integrations.start();
    }
    unfollow = mqtt.role.onChange((isActive) => {
      if (isActive) {
        running.activate();
        limits?.start();
        alerts?.start();
        integrations?.start();
      } else {
        void integrations?.stop();
        limits?.stop();
        alerts?.pause();
        running.passivate();
      }
    });
    sessions = startSessions(options, { bus, devices: running, mqtt, state }, outlets.readers);
    const metrics = await openMetrics({
      ...{ instance: settings.instance, version, bus, log, mqtt, archive, reloader, alerts },
      limits: limiting,
      lifetimeEnergy: (stationID) => sessions?.sync.energiesOf(stationID) ?? [],
      devices: running,
      settings,
    });
    if (metrics) outlets.readers.push(() => metrics.stop());
    reloader?.start();
    web = settings.web.enabled
      ? await openWeb(
          {
            ...{ settings, version, bus, log, secrets, mqtt, limits: limiting, alerts, reloader, state },
            sessions: sessions?.reader,
            cluster: estate && { member: estate.id, status: () => statusOf(estate!) },
            devices: running,
            historian: store,
            health: () => mqtt.health(),
            now: () => new Date(),
            storeWorks: () => archive && archive.counters.failing === undefined,
            guestRole: options.guestRole,
            metrics: metrics?.hasPort ? undefined : metrics,
          },
          outlets.readers,
        )
      : undefined;
    signal.throwIfAborted();
    started = true;
    const condition = (): Condition => ({
      devices: running.counters().devices,
      broker: { url: mqtt.url, connected: mqtt.connected, waiting: mqtt.outbox?.waiting ?? 0 },
      store: archive && { backend: settings.historian.backend, ...archive.counters },
      standby: !mqtt.role.isActive,
      readOnly: settings.readOnly,
      problems: reloader?.health.problemCount,
    });
    return { bus, devices: running, mqtt, reloader, web, condition, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface ReloaderParts extends Pick<ReloaderOptions, "bus" | "changeSettings"> {
  readonly options: BridgeOptions;
  readonly running: RunningDevices;
  readonly estate: Estate | undefined;
  readonly isActive: () => boolean;
}

function createReloader(
  files: NonNullable<BridgeOptions["files"]>,
  { options: { settings, log }, bus, running, estate, isActive, changeSettings }: ReloaderParts,
  undo: Undo,
): Reloader {
  const watch = new FolderWatch({ onChange: () => void reloader.filesChanged(), log });
  const reloader: Reloader = new Reloader({
    ...files,
    devices: running.changes,
    holdBack: estate && (({ settings: loaded, devices }) => estate.holdBack(loaded, devices)),
    mayWrite: () => isActive() && !settings.readOnly,
    changeSettings,
    follow: (folders) => watch.follow(folders),
    bus,
    log: log.part("reload"),
    clock: systemClock,
  });
  undo.push(() => reloader.stop());
  undo.push(() => watch.stop());
  return reloader;
}

async function startRecorder(
  { settings, log, version }: BridgeOptions,
  bus: Bus,
  undo: Undo,
): Promise<Archive | undefined> {
  const { historian, data, instance } = settings;
  if (historian.backend === "none") return undefined;
  if (historian.readonly) return undefined;
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

/** Opens a store that nothing is recorded in, for queries. Rejects where it is unreadable. */
async function openForReading(
  { settings: { historian, data }, log }: BridgeOptions,
  undo: Undo,
): Promise<Historian | undefined> {
  if (historian.backend === "none") return undefined;
  const opened = await openHistorian(historian, data, { log });
  undo.push(() => opened.close());
  return opened;
}

/** Starts the metrics where they can be asked for. Their modules are loaded then only. */
async function openMetrics({
  settings: { metrics, web },
  ...parts
}: Omit<StartOptions, "settings"> & { readonly settings: BridgeSettings }): Promise<
  RunningMetrics | undefined
> {
  if (!metrics.enabled || !(web.enabled || metrics.port !== undefined)) return undefined;
  const { startMetrics } = await import("./metrics/index.ts");
  return await startMetrics({ ...parts, settings: metrics });
}

function statusOf({ view, shards }: Estate): EstateStatus | undefined {
  return view && estateStatus(view, shards);
}

/** Starts the HTTP interface, whose modules are loaded then only. It is stopped after the devices, so that commands under way are still answered. */
async function openWeb(options: WebOptions, undo: (() => void | Promise<void>)[]): Promise<Web> {
  const { startWeb } = await import("./web/index.ts");
  await using stack = new AsyncDisposableStack();
  const web = await startWeb(options, stack);
  const started = stack.move();
  undo.push(() => started.disposeAsync());
  return web;
}

/** Starts reading charging sessions into their tables if enabled. An unavailable database is retried until the stop. */
function startSessions(
  { settings: { sessions, data }, log }: BridgeOptions,
  { bus, devices, mqtt, state }: { bus: Bus; devices: RunningDevices; mqtt: Mqtt; state: StateStore },
  undo: Undo,
): { readonly reader: SessionReader; readonly sync: ContinuousSync } | undefined {
  if (!sessions.enabled) return undefined;
  const { backend, connection } = sessions;
  const database = createSessionDatabase({ backend, connection, dataFolder: data, readonly: false });
  undo.push(() => database.close());
  const reading = new ContinuousSync({
    // The clients of these accounts belong to the ChargePoint driver.
    accounts: () => devices.accounts("chargepoint") as readonly SessionAccount[],
    database,
    settings: sessions,
    outlet: mqtt.sessions,
    state: state.namespace("lifetime energy"),
    onEnergy: (energy) => bus.emit("energy", energy),
    log: log.part("sessions"),
  });
  reading.start();
  return { reader: new SessionReader(database), sync: reading };
}

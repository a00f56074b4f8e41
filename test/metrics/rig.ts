import { type Bridge, startBridge } from "../../src/bridge.ts";
import { loadAll } from "../../src/cli/setup/load.ts";
import type { LimitGroup } from "../../src/devices/index.ts";
import { type Archive, openArchive, Recorder } from "../../src/historian/index.ts";
import { createLog, Secrets } from "../../src/log/log.ts";
import { type RunningMetrics, type StartOptions, startMetrics } from "../../src/metrics/index.ts";
import { type Simulator, type SimulatorOptions, startSimulator } from "../../src/simulator/index.ts";
import { freePort } from "../helpers/mosquitto.ts";
import { Site } from "../helpers/site.ts";

export interface Rig {
  readonly simulator: Simulator;
  readonly bridge: Bridge;
  readonly archive: Archive;
  readonly metrics: RunningMetrics;
  readonly site: Site;
  /** With which the metrics were started. */
  readonly parts: StartOptions;
  close(): Promise<void>;
}

export interface RigOptions {
  readonly stations?: number;
  readonly simulator?: SimulatorOptions;
  readonly settings?: Partial<StartOptions["settings"]>;
  readonly device?: Record<string, unknown>;
  /** Default: the embedded broker. */
  readonly mqtt?: Record<string, unknown>;
  readonly groups?: readonly LimitGroup[];
}

/** A bridge over the simulator with a broker, a store, and metrics on a port of their own. */
export async function openRig(options: RigOptions = {}): Promise<Rig> {
  const stack = new AsyncDisposableStack();
  const simulator = await startSimulator({
    ...{ stations: options.stations ?? 2, traffic: false, incidents: false },
    ...options.simulator,
  });
  stack.defer(() => simulator.close());
  const { endpoint, username, password, stationIDs } = simulator;
  const account = { endpoint, username, password, stationIDs };
  const mqtt = options.mqtt ?? { embedded: { port: await freePort() } };
  const bridge = { mqtt, historian: { backend: "none" }, actuator: { confirm_timeout: 5 } };
  const site = new Site({ ...account, bridge, device: options.device });
  stack.defer(() => site.remove());
  const log = createLog({ level: "silent" });
  const { settings, devices } = await loadAll({ config: site.config, secrets: new Secrets(), env: {} });
  const running = await startBridge({
    ...{ settings, devices, log, secrets: new Secrets(), version: "0.0.0" },
    onDiagnostics: () => {},
  });
  stack.defer(() => running.stop());
  const { bus } = running;
  const history = { ...settings.historian, backend: "sqlite", connection: {} } as typeof settings.historian;
  const archive = await openArchive(history, settings.data, { log, onNotice: () => {} });
  stack.defer(() => archive.stop());
  const recorder = new Recorder({
    ...{ bus, sink: archive, settings: history, log },
    ...{ instance: settings.instance, version: "0.0.0" },
  });
  recorder.start();
  stack.defer(() => recorder.stop());
  const parts: StartOptions = {
    settings: { perPort: true, maxSeries: 100_000, host: "127.0.0.1", port: 0, ...options.settings },
    ...{ instance: settings.instance, version: "0.0.0", bus, log },
    ...{ devices: running.devices, mqtt: running.mqtt, archive },
    limits: { limits: () => options.groups ?? [] },
    alerts: {
      counters: {
        active: { info: 0, warning: 2, critical: 0 },
        targets: { pager: { waiting: 1, sent: 5, refused: 0, dropped: 0 } },
      },
    },
  };
  const metrics = await startMetrics(parts);
  stack.defer(() => metrics.stop());
  return { simulator, bridge: running, archive, metrics, site, parts, close: () => stack.disposeAsync() };
}

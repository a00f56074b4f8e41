import { Bus } from "../bus.ts";
import type { BridgeSettings, Diagnostic } from "../config/index.ts";
import { driverTypes } from "../drivers/index.ts";
import { createLog } from "../log/log.ts";
import { StateStore } from "../storage/state-store.ts";
import type { LoadedDevice } from "./building/build.ts";
import { openDevices } from "./runner.ts";

/**
 * Returns what only the drivers find in configs and rows, notes too. The devices are built as for a run, in a state of their own, and
 * never started.
 */
export function driverDiagnostics(devices: readonly LoadedDevice[], settings: BridgeSettings): Diagnostic[] {
  const shared = new Map(
    devices.map((one) => [`${one.settings.driverType} ${one.settings.registryFile}`, one]),
  );
  const notes = [...shared.values()].flatMap(
    ({ settings: { driverType }, rows }) => driverTypes[driverType]?.noteRows?.(rows) ?? [],
  );
  const state = StateStore.open(":memory:");
  const log = createLog({ level: "silent" });
  const running = openDevices({ devices, settings, bus: new Bus(() => undefined), log, state });
  void running.stop().finally(() => state.close());
  return [...notes, ...running.diagnostics];
}

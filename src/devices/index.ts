export { driverTypes } from "../drivers/index.ts";
export type { LoadedDevice } from "./build.ts";
export type { Commands } from "./commands.ts";
export { DataFolderInUseError, DataLock } from "./data-lock.ts";
export type { DeviceState } from "./latest-values.ts";
export { openDevices, type RunningDevices } from "./runner.ts";
export { scrapeOnce } from "./scrape-once.ts";
export { StateStore } from "./state-store.ts";

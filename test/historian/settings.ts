import type { HistorianSettings } from "../../src/config/index.ts";

export const NOON = new Date("2026-11-21T12:00:00Z");

/** Every setting at its default. */
export const SETTINGS: HistorianSettings = {
  backend: "sqlite",
  connection: {},
  retryPeriodSeconds: 300,
  submitSizeLimit: 1000,
  maxTimePublishingSeconds: 30,
  readonly: false,
  captureDeviceData: true,
  captureAnalysisData: true,
  captureLogData: true,
  captureRecordData: true,
  historyLimitWaitDays: 7,
  backupStorageReport: 0.9,
  topicReplaceList: [],
  deviceDataFilter: {},
  customTopics: {},
  timeToleranceTopics: ["devices"],
  cacheOnlyEnabled: false,
  messagePublishCount: 10_000,
  gatherTimingData: false,
  syncTimestamp: false,
  also: [],
};

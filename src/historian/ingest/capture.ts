import type { HistorianSettings } from "../../config/index.ts";

/** Kinds of data by their first level, as `time_tolerance_topics` names them. */
export type CaptureKind = "devices" | "datalogger" | "record" | "analysis";

/** Captured topics of one kind. */
export interface Capture {
  readonly kind: CaptureKind;
  /** Topic filter without the base topic. */
  readonly filter: string;
}

export type CaptureSettings = Pick<
  HistorianSettings,
  "captureDeviceData" | "captureLogData" | "captureRecordData" | "captureAnalysisData" | "customTopics"
>;

/** Kinds by VOLTTRON's names in `custom_topics`; as in VOLTTRON, an unknown name means a record. */
const HANDLERS: Readonly<Record<string, CaptureKind>> = {
  capture_device_data: "devices",
  capture_log_data: "datalogger",
  capture_analysis_data: "analysis",
  capture_record_data: "record",
};

/**
 * Returns what the settings capture. `custom_topics` apply whatever the capture settings are. The first match counts, and custom
 * topics come before the four usual ones.
 */
export function captures(settings: CaptureSettings): Capture[] {
  const custom = Object.entries(settings.customTopics).flatMap(([handler, topics]) =>
    topics.map((topic) => ({
      kind: Object.hasOwn(HANDLERS, handler) ? HANDLERS[handler]! : "record",
      filter: customFilter(topic),
    })),
  );
  const usual: readonly (readonly [boolean, CaptureKind])[] = [
    [settings.captureDeviceData, "devices"],
    [settings.captureLogData, "datalogger"],
    [settings.captureRecordData, "record"],
    [settings.captureAnalysisData, "analysis"],
  ];
  return [
    ...custom,
    ...usual.filter(([wanted]) => wanted).map(([, kind]) => ({ kind, filter: `${kind}/#` })),
  ];
}

/** Returns the filter of a VOLTTRON topic, which is a prefix. Topics with MQTT wildcards remain unchanged. */
function customFilter(topic: string): string {
  return /[+#]/.test(topic) ? topic : `${topic.replace(/\/$/, "")}/#`;
}

import type { HistorianSettings } from "../../config/index.ts";

/** Kinds of data by their first level, as `time_tolerance_topics` names them. */
export type CaptureKind = "devices" | "datalogger" | "record" | "analysis";

/** Topics of one kind that are taken. */
export interface Capture {
  readonly kind: CaptureKind;
  /** As it goes to the broker, without the base topic. */
  readonly filter: string;
}

export type CaptureSettings = Pick<
  HistorianSettings,
  "captureDeviceData" | "captureLogData" | "captureRecordData" | "captureAnalysisData" | "customTopics"
>;

/** `custom_topics` by VOLTTRON's names for the kinds; a name that it does not know is a record there too. */
const HANDLERS: Readonly<Record<string, CaptureKind>> = {
  capture_device_data: "devices",
  capture_log_data: "datalogger",
  capture_analysis_data: "analysis",
  capture_record_data: "record",
};

/**
 * What the settings ask for. `custom_topics` are taken whatever the capture settings say; where one of them falls under two kinds
 * the first counts, and a custom topic is asked before the four usual ones.
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

/** A topic of VOLTTRON's is a prefix: everything below it comes too. MQTT's wildcards are left as they are. */
function customFilter(topic: string): string {
  return /[+#]/.test(topic) ? topic : `${topic.replace(/\/$/, "")}/#`;
}

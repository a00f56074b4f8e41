// Messages of any publisher come in from a broker. VOLTTRON's capture settings, headers and naming turn them into samples, which
// go to the spool; what cannot be stored is counted by reason and logged.
export { ArrivalClock, PreciseClock } from "./arrival-clock.ts";
export { Ingest } from "./ingest.ts";
export type { Ignored, IgnoreReason, Ingested, IngestMessage } from "./message.ts";
export { type IngestCounters, MessageCounters } from "./message-counters.ts";
export {
  MessageRecorder,
  type MessageRecorderOptions,
  type SampleSink,
  type SetAside,
} from "./message-recorder.ts";
export { type DeviceNaming, Naming, type NamingSettings } from "./naming.ts";

export { ArrivalClock, PreciseClock } from "./arrival-clock.ts";
export { Ingest } from "./ingest.ts";
export type { Ignored, IgnoreReason, Ingested, IngestMessage } from "./message.ts";
export { MessageRecorder, type MessageRecorderOptions, type SampleSink } from "./message-recorder.ts";
export { type DeviceNaming, Naming, type NamingSettings } from "./naming.ts";
export { type IngestCounters, Tally } from "./tally.ts";

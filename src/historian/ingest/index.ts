export { ArrivalClock } from "./arrival-clock.ts";
export { Ingest } from "./ingest.ts";
export type { Ignored, IgnoreReason, Ingested, IngestMessage } from "./message.ts";
export { type DeviceNaming, Naming, type NamingSettings } from "./naming.ts";
export { type IngestCounters, Tally } from "./tally.ts";

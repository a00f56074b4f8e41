// Samples come in from the recorder or from ingest, are committed to the spool, and are delivered to the store in batches until it
// has confirmed them. Out go stored samples, dead letters and notices; the retention keeper removes the oldest samples afterwards.
export { Delivery, type DeliveryOptions } from "./delivery.ts";
export type { DeliveryCounters } from "./delivery-reports.ts";
export type { SpoolQueue } from "./spool.ts";
export { timedCall } from "./timed-call.ts";

export { Delivery, type DeliveryOptions } from "./delivery.ts";
export type { DeliveryCounters } from "./delivery-reports.ts";
export type { SpoolQueue } from "./spool.ts";
export { timedCall } from "./timed-call.ts";

export type {
  DeadLetter,
  NewDeadLetter,
  NewRecord,
  Queue,
  QueueCounters,
  QueuedRecord,
  Settlement,
} from "./contract.ts";
export { type DiskQueue, openQueue } from "./disk-queue.ts";
export { QueueError } from "./failure.ts";
export type { QueueNotice, QueueOptions } from "./options.ts";

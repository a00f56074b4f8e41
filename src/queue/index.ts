export type {
  DeadLetter,
  NewDeadLetter,
  NewRecord,
  Queue,
  QueueCounters,
  QueuedRecord,
  QueueNotice,
  Settlement,
} from "./contract.ts";
export { type DiskQueue, openQueue, type QueueOptions } from "./disk-queue.ts";
export { QueueError } from "./failure.ts";

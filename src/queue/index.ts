// Records for one sink (the broker or the store) come in and are committed to a SQLite file before they are accepted. The sink reads
// them in order and settles them as delivered or as dead letters; a full file drops its oldest records and reports it.
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
